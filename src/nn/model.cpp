#include "nn/model.h"

#include "base/error.h"

namespace zoetrope {

std::unique_ptr<Model> model_from_config(const Json& config) {
  std::vector<std::string_view> names;
  for (const ModelEntry* entry : model_entries()) {
    if (entry->recognises(config)) return entry->create(config);
    names.push_back(entry->name);
  }
  throw InputError("no model is known for this config (class '" +
                       config.string_or("_class_name", config.string_or("model_type", "?")) + "')",
                   config.where(), "the models that are known: " + join_first(names));
}

}  // namespace zoetrope
