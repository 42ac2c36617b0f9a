// One model folder, opened: its config, its graphs, its weights, bound and checked against each other.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "formats/checkpoint.h"
#include "nn/binding.h"
#include "nn/model.h"
#include "runtime/session.h"

namespace zoetrope {

// Holds a model with its checkpoint; sessions made from it must not outlive it.
class Component {
 public:
  // Reads config.json and the headers of the weights in `folder` and binds them. Throws InputError where they
  // disagree.
  explicit Component(const fs::path& folder);
  Component(const Component&) = delete;

  const fs::path& folder() const { return folder_; }
  const Json& config() const { return config_; }
  const Binding& binding() const { return *binding_; }
  Binding& binding() { return *binding_; }
  // SHA-256 over the names and contents of config.json and the weight files.
  std::string sha256() const;

  // The model in the role that is wanted; throws InputError where the folder holds another kind of model.
  const LanguageModel& language_model() const { return role<LanguageModel>("a language model"); }
  const TextEncoderModel& text_encoder() const { return role<TextEncoderModel>("a text encoder"); }
  const DenoiserModel& denoiser() const { return role<DenoiserModel>("a diffusion transformer"); }
  const AutoencoderModel& autoencoder() const { return role<AutoencoderModel>("an autoencoder"); }
  const Model& model() const { return *model_; }

 private:
  template <class Role>
  const Role& role(const char* name) const {
    if (const auto* wanted = dynamic_cast<const Role*>(model_.get())) return *wanted;
    throw InputError("holds another kind of model", (folder_ / "config.json").string(),
                     std::string("wanted is ") + name);
  }

  fs::path folder_;
  Json config_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Binding> binding_;
};

}  // namespace zoetrope
