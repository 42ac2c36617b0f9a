// A folder in diffusers' pipeline layout: model_index.json and one folder per component.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace zoetrope {

struct ModelComponent {
  std::string library;     // "diffusers", "transformers"
  std::string class_name;  // "WanTransformer3DModel", as model_index.json has it
  fs::path folder;
};

class ModelFolder {
 public:
  // Reads model_index.json. `path` may also be a repository's folder of the Hugging Face cache
  // ("models--org--name"), where refs/main names the snapshot. Fields of components are [library, class];
  // [null, null] is a component that the pipeline does without. Nothing in it names a path: a component's
  // folder is its name, and a name is letters, digits and "_". Throws InputError.
  static ModelFolder open(const fs::path& path);

  const fs::path& path() const { return path_; }
  const std::string& pipeline_class() const { return pipeline_class_; }     // "_class_name", may be empty
  std::optional<double> boundary_ratio() const { return boundary_ratio_; }  // in [0, 1]; two experts
  bool expand_timesteps() const { return expand_timesteps_; }               // a timestep per token (TI2V)

  // The component, or null where model_index.json does not have it. One that it has but whose folder is
  // missing is an InputError (a download that was not finished).
  const ModelComponent* find(std::string_view name) const;
  // As find(), but it must be there: else an InputError naming it and the remedy.
  const ModelComponent& at(std::string_view name) const;

 private:
  fs::path path_;
  std::string pipeline_class_;
  std::optional<double> boundary_ratio_;
  bool expand_timesteps_ = false;
  std::map<std::string, ModelComponent, std::less<>> components_;
};

}  // namespace zoetrope
