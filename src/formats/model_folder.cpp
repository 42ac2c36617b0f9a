#include "formats/model_folder.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {
namespace {

constexpr uint64_t kMostIndexBytes = 1 << 20;

// A repository's folder of the Hugging Face cache leads to its snapshot; every other folder to itself.
fs::path resolve_snapshot(const fs::path& path) {
  std::error_code ignored;
  const fs::path reference = path / "refs" / "main";
  if (fs::exists(path / "model_index.json", ignored) || !fs::is_regular_file(reference, ignored)) return path;
  std::string commit = read_file(reference, 256);
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r')) commit.pop_back();
  const bool is_hash =
      commit.size() == 40 && commit.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash)
    throw InputError("holds no commit", reference.string(),
                     "download the model again, or name its snapshot's folder");
  return path / "snapshots" / commit;
}

bool is_component_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

ModelFolder ModelFolder::open(const fs::path& path) {
  ModelFolder out;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored))
    throw InputError("is not a folder", path.string(),
                     "name a model's folder, the one with model_index.json");
  out.path_ = resolve_snapshot(path);
  const fs::path index = out.path_ / "model_index.json";
  if (!fs::exists(index, ignored))
    throw InputError("is not a model in diffusers' pipeline layout: model_index.json is missing",
                     out.path_.string(),
                     "name the folder that holds model_index.json, or finish the download");
  const Json json = Json::parse_file(index.string(), kMostIndexBytes);
  for (const auto& [name, value] : json.as_object()) {
    if (name == "_class_name") out.pipeline_class_ = value.is_null() ? "" : value.as_string();
    if (name == "boundary_ratio" && !value.is_null()) {
      out.boundary_ratio_ = value.as_number();
      if (!(*out.boundary_ratio_ >= 0 && *out.boundary_ratio_ <= 1))
        throw InputError("should be a number from 0 to 1", value.where());
    }
    if (name == "expand_timesteps" && !value.is_null()) out.expand_timesteps_ = value.as_bool();
    if (!value.is_array() || value.as_array().size() != 2) continue;  // other settings of a pipeline
    const Json &library = value.as_array()[0], &class_name = value.as_array()[1];
    if (!library.is_string() || !class_name.is_string()) continue;  // [null, null]
    if (!is_component_name(name))
      throw InputError("names a component '" + printable(name, 100) + "'; a name is letters, digits and '_'",
                       index.string());
    out.components_[name] = {library.as_string(), class_name.as_string(), out.path_ / name};
  }
  return out;
}

const ModelComponent* ModelFolder::find(std::string_view name) const {
  const auto it = components_.find(name);
  if (it == components_.end()) return nullptr;
  std::error_code ignored;
  if (!fs::is_directory(it->second.folder, ignored))
    throw InputError("the folder of the component '" + it->first + "' (" +
                         printable(it->second.class_name, 80) + ") is missing",
                     it->second.folder.string(), "finish the download of the model");
  return &it->second;
}

const ModelComponent& ModelFolder::at(std::string_view name) const {
  if (const ModelComponent* component = find(name)) return *component;
  std::vector<std::string> names;
  for (const auto& [known, component] : components_) names.push_back(known);
  throw InputError("the pipeline has no component '" + std::string(name) + "'; it has " +
                       (names.empty() ? std::string("none") : join_first(names)),
                   (path_ / "model_index.json").string(), "use a model of the kind that this command is for");
}

}  // namespace zoetrope
