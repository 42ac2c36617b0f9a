#include "pipeline/component.h"

namespace zoetrope {

Component::Component(const fs::path& folder) : folder_(folder) {
  const fs::path config = folder / "config.json";
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw InputError("is not a model folder", folder.string(),
                     "a model folder holds config.json and safetensors files");
  config_ = Json::parse_file(config.string(), 1 << 20);
  config_.as_object();
  model_ = model_from_config(config_);
  checkpoint_ = std::make_unique<Checkpoint>(Checkpoint::open(folder));
  try {
    binding_ = std::make_unique<Binding>(*model_, *checkpoint_);
  } catch (const GraphError& problem) {
    throw InputError(problem.what(), config.string());
  } catch (const ShapeError& problem) {
    throw InputError(problem.what(), config.string());
  }
}

std::string Component::sha256() const {
  Sha256 sum;
  sum.add(sha256_of_file(folder_ / "config.json"));
  for (const auto& file : checkpoint_->files()) {
    sum.add(file->path().filename().string());
    sum.add(sha256_of_file(file->path()));
  }
  return sum.hex();
}

}  // namespace zoetrope
