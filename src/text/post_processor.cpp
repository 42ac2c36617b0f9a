#include "text/post_processor.h"

#include <fmt/format.h>

#include "text/normalizer.h"

namespace zoetrope {
namespace {

// What stands around the text: special ids, and the text itself once or more.
class Template : public PostProcessor {
 public:
  struct Part {
    bool is_text = false;
    std::vector<int32_t> ids;
  };
  explicit Template(std::vector<Part> parts) : parts_(std::move(parts)) {}
  std::vector<int32_t> apply(std::vector<int32_t> ids, bool add_special) const override {
    std::vector<int32_t> out;
    for (const Part& part : parts_) {
      if (part.is_text)
        out.insert(out.end(), ids.begin(), ids.end());
      else if (add_special)
        out.insert(out.end(), part.ids.begin(), part.ids.end());
    }
    return out;
  }

 private:
  std::vector<Part> parts_;
};

class Unchanged : public PostProcessor {
 public:
  std::vector<int32_t> apply(std::vector<int32_t> ids, bool) const override { return ids; }
};

class Sequence : public PostProcessor {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PostProcessor>> parts) : parts_(std::move(parts)) {}
  std::vector<int32_t> apply(std::vector<int32_t> ids, bool add_special) const override {
    for (const auto& part : parts_) ids = part->apply(std::move(ids), add_special);
    return ids;
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

int32_t checked_id(const Json& json, int32_t vocab_size) {
  const int64_t id = json.as_integer();
  if (id < 0 || id >= vocab_size)
    throw InputError(fmt::format("the id {} is not one of the {} tokens", id, vocab_size), json.where());
  return static_cast<int32_t>(id);
}

std::unique_ptr<PostProcessor> make_template(const Json& json, int32_t vocab_size) {
  const Json& special = json.at("special_tokens");
  std::vector<Template::Part> parts;
  bool has_text = false;
  for (const Json& piece : json.at("single").as_array()) {
    Template::Part part;
    if (const Json* text = piece.find("Sequence")) {
      if (text->at("id").as_string() != "A")
        throw InputError("the template of a single text names another text", text->where());
      if (has_text) throw InputError("the template repeats its text", text->where());
      part.is_text = has_text = true;
    } else if (const Json* token = piece.find("SpecialToken")) {
      const std::string& name = token->at("id").as_string();
      const Json* entry = special.find(name);
      if (!entry)
        throw InputError("the special token '" + printable(name, 60) + "' is not defined", token->where(),
                         "add it to special_tokens");
      for (const Json& id : entry->at("ids").as_array()) part.ids.push_back(checked_id(id, vocab_size));
    } else {
      throw InputError("a piece of the template is neither 'Sequence' nor 'SpecialToken'", piece.where());
    }
    parts.push_back(std::move(part));
  }
  return std::make_unique<Template>(std::move(parts));
}

// Bert and Roberta: one token before, one behind, each as ["token", id].
std::unique_ptr<PostProcessor> make_pair(const Json& json, int32_t vocab_size) {
  auto id_of = [&](std::string_view key) {
    const Json& pair = json.at(key);
    if (pair.as_array().size() != 2) throw InputError("should be [token, id]", pair.where());
    return checked_id(pair.as_array()[1], vocab_size);
  };
  std::vector<Template::Part> parts(3);
  parts[0].ids = {id_of("cls")};
  parts[1].is_text = true;
  parts[2].ids = {id_of("sep")};
  return std::make_unique<Template>(std::move(parts));
}

}  // namespace

std::unique_ptr<PostProcessor> make_post_processor(const Json& json, int32_t vocab_size) {
  if (json.is_null()) return nullptr;
  const std::string& type = type_of(json);
  if (type == "TemplateProcessing") return make_template(json, vocab_size);
  if (type == "ByteLevel")
    return std::make_unique<Unchanged>();  // it trims offsets, which nobody asks for here
  if (type == "BertProcessing" || type == "RobertaProcessing") return make_pair(json, vocab_size);
  if (type == "Sequence") {
    std::vector<std::unique_ptr<PostProcessor>> parts;
    for (const Json& part : json.at("processors").as_array()) {
      if (part.is_null()) throw InputError("a post_processor is null", part.where());
      parts.push_back(make_post_processor(part, vocab_size));
    }
    return std::make_unique<Sequence>(std::move(parts));
  }
  unknown_type(json, "post_processor",
               "TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing, Sequence");
}

}  // namespace zoetrope
