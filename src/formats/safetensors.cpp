#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {
namespace {

static_assert(std::endian::native == std::endian::little, "the format's numbers are little-endian");

// What a file that is no safetensors file probably is: the usual mix-ups deserve a remedy of their own.
[[noreturn]] void fail_as(const fs::path& path, std::string_view start, const std::string& fallback) {
  auto begins = [&](std::string_view magic) { return start.substr(0, magic.size()) == magic; };
  if (begins("version https://git-lfs"))
    throw InputError("is a Git LFS pointer, not the file itself", path.string(), "run 'git lfs pull'");
  if (begins("PK\x03\x04") || begins("\x80\x02") || begins("\x80\x04"))
    throw InputError("is a PyTorch pickle file; pickles can run code and are never read", path.string(),
                     "get the model's .safetensors file");
  if (begins("GGUF"))
    throw InputError("is a GGUF file, not a safetensors file", path.string(),
                     "get the model's .safetensors file");
  if (begins("<!DOCTYP") || begins("<html") || begins("<HTML"))
    throw InputError("is a web page, not a safetensors file", path.string(),
                     "download the file itself (its 'resolve' address)");
  throw InputError(fallback, path.string(), "download the file again");
}

std::string read_header(const InputFile& file) {
  std::string start(std::min<uint64_t>(file.size(), 24), '\0');
  file.read_at(0, start.data(), start.size());
  if (start.size() < 8)
    fail_as(file.path(), start,
            "has " + std::to_string(file.size()) + " bytes, too few for a safetensors file");
  uint64_t length = 0;
  std::memcpy(&length, start.data(), sizeof length);
  if (length > kMostHeaderBytes)
    fail_as(file.path(), start,
            "declares a header of " + std::to_string(length) + " bytes; at most " +
                std::to_string(kMostHeaderBytes) + " are allowed");
  if (length > file.size() - 8)
    fail_as(file.path(), start,
            "declares a header of " + std::to_string(length) + " bytes, but has only " +
                std::to_string(file.size()) + " bytes");
  std::string text(length, '\0');
  file.read_at(8, text.data(), text.size());
  return text;
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

[[noreturn]] void fail_to_write(const fs::path& path) {
  throw InputError(std::string("cannot be written: ") + std::strerror(errno), path.string(),
                   "free some disk space or choose another folder");
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& path) : file_(path) {
  const std::string text = read_header(file_);
  data_start_ = 8 + text.size();
  header_ = parse_safetensors_header(text, file_.size() - data_start_, path.string());
  by_name_.resize(header_.tensors.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](uint32_t a, uint32_t b) { return header_.tensors[a].name < header_.tensors[b].name; });
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto it = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](uint32_t index, std::string_view wanted) { return header_.tensors[index].name < wanted; });
  return it != by_name_.end() && header_.tensors[*it].name == name ? &header_.tensors[*it] : nullptr;
}

void SafetensorsFile::read(const TensorInfo& tensor, void* destination) const {
  read_part(tensor, 0, tensor.bytes, destination);
}

void SafetensorsFile::read_part(const TensorInfo& tensor, uint64_t byte_offset, uint64_t bytes,
                                void* destination) const {
  if (byte_offset > tensor.bytes || bytes > tensor.bytes - byte_offset)
    throw InternalError("read_part outside the tensor " + tensor.name);
  file_.read_at(data_start_ + tensor.offset + byte_offset, destination, bytes);
}

HostTensor SafetensorsFile::load(const TensorInfo& tensor) const {
  HostTensor out(tensor.dtype, tensor.shape);
  read(tensor, out.data());
  return out;
}

TensorMap load_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  TensorMap out;
  for (const TensorInfo& tensor : file.tensors()) out.emplace(tensor.name, file.load(tensor));
  return out;
}

void save_safetensors(const fs::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorMap::value_type*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  // Composed member by member: a model has tens of thousands of them.
  auto quoted = [](std::string_view name) { return Json(name).dump(-1); };
  std::string text = "{";
  if (!metadata.empty()) {
    Json values = Json::object();
    for (const auto& [key, value] : metadata) values.set(key, value);
    text += "\"__metadata__\":" + values.dump(-1);
  }
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const HostTensor& tensor = entry->second;
    if (printable(entry->first, entry->first.size() + 1) != entry->first)
      throw InputError("tensor '" + printable(entry->first, 200) + "' has a name that can't be written",
                       path.string());
    if (text.size() > 1) text += ',';
    text += quoted(entry->first) + ":{\"dtype\":" + quoted(name_of(tensor.dtype())) + ",\"shape\":[";
    for (int axis = 0; axis < tensor.shape().rank(); ++axis)
      text += (axis ? "," : "") + std::to_string(tensor.shape()[axis]);
    text += "],\"data_offsets\":[" + std::to_string(offset) + ',' + std::to_string(offset + tensor.bytes()) +
            "]}";
    offset += tensor.bytes();
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  parse_safetensors_header(text, offset, path.string());  // what is written can be read

  TemporaryFile temporary(path);
  std::unique_ptr<std::FILE, FileCloser> out(std::fopen(temporary.path().c_str(), "wb"));
  if (!out) fail_to_write(path);
  auto write = [&](const void* data, size_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, out.get()) != bytes) fail_to_write(path);
  };
  const uint64_t length = text.size();
  write(&length, sizeof length);
  write(text.data(), text.size());
  for (const auto* entry : order) write(entry->second.data(), entry->second.bytes());
  if (std::fclose(out.release()) != 0) fail_to_write(path);
  temporary.commit();
}

}  // namespace zoetrope
