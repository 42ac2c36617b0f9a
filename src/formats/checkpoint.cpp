#include "formats/checkpoint.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {
namespace {

constexpr uint64_t kMostIndexBytes = 64 << 20;
constexpr size_t kMostShards = 1000;
constexpr std::string_view kIndexEnd = ".safetensors.index.json";
constexpr std::string_view kFileEnd = ".safetensors";

struct Listing {
  std::vector<std::string> weights;  // *.safetensors
  std::vector<std::string> indices;  // *.safetensors.index*.json
  std::vector<std::string> pickles;
  std::vector<std::string> ggufs;

  bool has(const std::vector<std::string>& names, const std::string& name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

// Reads names only; what is behind them is found out when one is opened.
Listing list_folder(const fs::path& folder) {
  Listing out;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    const std::string name = it->path().filename().string();
    if (name.empty() || name[0] == '.') continue;
    const std::string extension = it->path().extension().string();
    if (name.ends_with(kFileEnd)) out.weights.push_back(name);
    if (name.ends_with(".json") && name.find(".safetensors.index.") != std::string::npos)
      out.indices.push_back(name);
    if (extension == ".gguf") out.ggufs.push_back(name);
    for (const char* pickle : {".bin", ".pt", ".pth", ".pt2", ".ckpt", ".pkl"})
      if (extension == pickle) out.pickles.push_back(name);
  }
  if (failure) throw InputError("the folder cannot be read: " + failure.message(), folder.string());
  for (auto* names : {&out.weights, &out.indices, &out.pickles, &out.ggufs})
    std::sort(names->begin(), names->end());
  return out;
}

// "x-00001-of-00004.safetensors": a part of a set, useless alone.
bool is_shard_name(std::string_view name) {
  const size_t of = name.rfind("-of-");
  if (of == std::string_view::npos || of < 6 || name.size() < of + 9) return false;
  auto digits = [&](size_t at) {
    return std::all_of(name.begin() + static_cast<std::ptrdiff_t>(at),
                       name.begin() + static_cast<std::ptrdiff_t>(at + 5),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  return name[of - 6] == '-' && digits(of - 5) && digits(of + 4);
}

[[noreturn]] void fail_several(const fs::path& folder, const std::vector<std::string>& names) {
  throw InputError("holds several sets of weights: " + join_first(names), folder.string(),
                   "name the one to use, or leave only that one in the folder");
}

[[noreturn]] void fail_none(const fs::path& folder, const Listing& listing) {
  if (!listing.pickles.empty())
    throw InputError("holds only pickled weights (" + join_first(listing.pickles) +
                         "); pickles can run code and are never read",
                     folder.string(), "get the model's .safetensors files");
  if (!listing.ggufs.empty())
    throw InputError("holds GGUF files (" + join_first(listing.ggufs) + "), but no .safetensors file",
                     folder.string(), "get the model's .safetensors files");
  throw InputError("holds no .safetensors file", folder.string(),
                   "download the model's weights into it, or name another folder");
}

// B.fp16.safetensors, B.safetensors.index.fp16.json, but not B-00001-of-00002.fp16.safetensors.
std::vector<std::string> variants_of(const std::string& base, const Listing& listing) {
  std::vector<std::string> out;
  auto is_variant = [](std::string_view text) {
    return !text.empty() && text.find_first_of("./-") == std::string_view::npos;
  };
  for (const std::string& name : listing.weights) {
    const std::string_view view = name;
    if (!view.starts_with(base + ".") || view.size() < base.size() + 1 + kFileEnd.size()) continue;
    if (is_variant(view.substr(base.size() + 1, view.size() - base.size() - 1 - kFileEnd.size())))
      out.push_back(name);
  }
  for (const std::string& name : listing.indices) {
    const std::string start = base + ".safetensors.index.", end = ".json";
    if (!name.starts_with(start) || name.size() < start.size() + end.size()) continue;
    if (is_variant(std::string_view(name).substr(start.size(), name.size() - start.size() - end.size())))
      out.push_back(name);
  }
  return out;
}

std::string choose_in_folder(const fs::path& folder, std::span<const std::string> base_names) {
  const Listing listing = list_folder(folder);
  auto only = [&](const std::vector<std::string>& names) {
    if (names.size() > 1) fail_several(folder, names);
    return names[0];
  };
  for (const std::string& base : base_names) {
    std::vector<std::string> plain;
    if (listing.has(listing.weights, base + std::string(kFileEnd)))
      plain.push_back(base + std::string(kFileEnd));
    if (listing.has(listing.indices, base + std::string(kIndexEnd)))
      plain.push_back(base + std::string(kIndexEnd));
    if (!plain.empty()) return only(plain);
  }
  for (const std::string& base : base_names)
    if (const auto variants = variants_of(base, listing); !variants.empty()) return only(variants);
  if (!listing.indices.empty()) return only(listing.indices);
  std::vector<std::string> whole;
  for (const std::string& name : listing.weights)
    if (!is_shard_name(name)) whole.push_back(name);
  if (!whole.empty()) return only(whole);
  if (!listing.weights.empty())
    throw InputError(
        "holds shards (" + join_first(listing.weights, 4) + "), but not the index that lists their tensors",
        folder.string(), "download the .safetensors.index.json that belongs to them");
  fail_none(folder, listing);
}

struct Index {
  std::vector<std::pair<std::string, uint32_t>> tensors;  // name, shard; sorted by name
  std::vector<std::string> shards;
};

void check_shard_name(const std::string& shard, const std::string& where) {
  if (shard.find('/') != std::string::npos || shard.find('\\') != std::string::npos ||
      shard.find('\0') != std::string::npos || shard.size() > 255 || !shard.ends_with(kFileEnd))
    throw InputError("the index names the shard '" + printable(shard, 200) +
                         "', which is no .safetensors file of its folder",
                     where, "download the index again");
}

Index read_index(const fs::path& path) {
  const std::string text = read_file(path, kMostIndexBytes);
  // Every entry has a colon, so this bounds what the parsed index takes before it is parsed.
  if (static_cast<size_t>(std::count(text.begin(), text.end(), ':')) > 2 * kMostTensors)
    throw InputError("the index has more than " + std::to_string(2 * kMostTensors) + " entries",
                     path.string());
  const Json json = Json::parse(text, path.string());
  const Json& weight_map = json.at("weight_map");
  Index out;
  std::map<std::string, uint32_t> shard_numbers;
  for (const auto& [name, value] : weight_map.as_object()) {
    const std::string& shard = value.as_string();
    auto [it, is_new] = shard_numbers.try_emplace(shard, static_cast<uint32_t>(out.shards.size()));
    if (is_new) {
      check_shard_name(shard, path.string());
      out.shards.push_back(shard);
      if (out.shards.size() > kMostShards)
        throw InputError("the index names more than " + std::to_string(kMostShards) + " shards",
                         path.string());
    }
    out.tensors.emplace_back(name, it->second);
  }
  std::sort(out.tensors.begin(), out.tensors.end());
  return out;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& file_or_folder, std::span<const std::string> base_names) {
  static const std::vector<std::string> kUsualNames = {"diffusion_pytorch_model", "model"};
  Checkpoint out;
  std::error_code ignored;
  const bool folder = fs::is_directory(file_or_folder, ignored);
  out.path_ = folder ? file_or_folder /
                           choose_in_folder(file_or_folder, base_names.empty() ? kUsualNames : base_names)
                     : file_or_folder;
  if (out.path_.extension() == ".json") {
    out.open_index(out.path_);
  } else {
    out.files_.push_back(std::make_unique<SafetensorsFile>(out.path_));
    out.collect();
  }
  if (out.tensors_.empty())
    throw InputError("holds no tensors", out.path_.string(), "download the file again");
  return out;
}

void Checkpoint::collect() {
  for (uint32_t file = 0; file < files_.size(); ++file)
    for (const TensorInfo& info : files_[file]->tensors()) tensors_.push_back({&info, file});
  std::sort(tensors_.begin(), tensors_.end(), [](const CheckpointTensor& a, const CheckpointTensor& b) {
    return std::pair<const std::string&, uint32_t>(a.name(), a.file) <
           std::pair<const std::string&, uint32_t>(b.name(), b.file);
  });
  const auto twin = std::adjacent_find(tensors_.begin(), tensors_.end(),
                                       [](const auto& a, const auto& b) { return a.name() == b.name(); });
  if (twin != tensors_.end())
    throw InputError("tensor '" + printable(twin->name(), 200) + "' is in two shards, " +
                         files_[twin->file]->path().filename().string() + " and " +
                         files_[(twin + 1)->file]->path().filename().string(),
                     path_.string(), "download the index and the shards again");
}

void Checkpoint::open_index(const fs::path& index_path) {
  const Index index = read_index(index_path);
  const fs::path folder = index_path.parent_path();
  std::vector<std::string> absent;
  std::error_code ignored;
  for (const std::string& shard : index.shards)
    if (!fs::exists(folder / shard, ignored)) absent.push_back(shard);
  if (!absent.empty())
    throw InputError("the index names shards that are not there: " + join_first(absent), index_path.string(),
                     "finish the download");
  for (const std::string& shard : index.shards)
    files_.push_back(std::make_unique<SafetensorsFile>(folder / shard));
  collect();

  // Both lists are sorted by name: one walk finds what either lacks.
  std::vector<std::string> missing, unlisted;
  size_t i = 0, k = 0;
  while (i < index.tensors.size() || k < tensors_.size()) {
    const int order = i == index.tensors.size() ? 1
                      : k == tensors_.size()    ? -1
                                                : index.tensors[i].first.compare(tensors_[k].name());
    if (order < 0) {
      missing.push_back(index.tensors[i++].first);
    } else if (order > 0) {
      unlisted.push_back(tensors_[k++].name());
    } else {
      if (index.tensors[i].second != tensors_[k].file) missing.push_back(index.tensors[i].first);
      ++i, ++k;
    }
  }
  constexpr std::string_view kRemedy =
      "index and shards are of different models or versions: download them again";
  if (!missing.empty())
    throw InputError("the index names tensors that their shards lack: " + join_first(missing),
                     index_path.string(), kRemedy);
  if (!unlisted.empty())
    throw InputError("the shards hold tensors that the index lacks: " + join_first(unlisted),
                     index_path.string(), kRemedy);
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const {
  const auto it =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const CheckpointTensor& a, std::string_view wanted) { return a.name() < wanted; });
  return it != tensors_.end() && it->name() == name ? &*it : nullptr;
}

uint64_t Checkpoint::bytes() const {
  uint64_t sum = 0;
  for (const auto& file : files_) sum += file->data_bytes();
  return sum;
}

void Checkpoint::read(const CheckpointTensor& tensor, void* destination) const {
  files_[tensor.file]->read(*tensor.info, destination);
}
void Checkpoint::read_part(const CheckpointTensor& tensor, uint64_t byte_offset, uint64_t bytes,
                           void* destination) const {
  files_[tensor.file]->read_part(*tensor.info, byte_offset, bytes, destination);
}
HostTensor Checkpoint::load(const CheckpointTensor& tensor) const {
  return files_[tensor.file]->load(*tensor.info);
}

}  // namespace zoetrope
