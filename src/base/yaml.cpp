#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"

namespace zoetrope {
namespace {

constexpr size_t kMostDepth = 32;
constexpr size_t kMostNodes = 100000;
constexpr size_t kMostKeyBytes = 200;

const char* name_of(Yaml::Kind kind) {
  switch (kind) {
    case Yaml::Kind::null:
      return "empty";
    case Yaml::Kind::scalar:
      return "a single value";
    case Yaml::Kind::list:
      return "a list";
    default:
      return "a map";
  }
}

std::string at_line(const std::string& file, int line) { return file + ":" + std::to_string(line); }

}  // namespace

// Builds the tree from the parser's events, so that nothing is expanded that was not written.
class YamlBuilder final : public YAML::EventHandler {
 public:
  explicit YamlBuilder(std::string file) : file_(std::make_shared<const std::string>(std::move(file))) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (expects_key()) fail(mark, "a key may not be empty");
    add(mark, Yaml::Kind::null);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { fail(mark, "aliases are not supported"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    // yaml-cpp gives plain scalars the tag "?" and quoted ones "!".
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "tags are not supported");
    if (expects_key()) return take_key(mark, value);
    Yaml& node = add(mark, Yaml::Kind::scalar);
    node.scalar_ = value;
    node.quoted_ = tag == "!";
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Yaml::Kind::list);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Yaml::Kind::map);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapEnd() override { open_.pop_back(); }

  Yaml take() {
    root_.file_ = file_;
    return std::move(root_);
  }
  bool empty() const { return nodes_ == 0; }

 private:
  struct Open {
    Yaml* node;
    bool has_key = false;
    std::string key;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw InputError(what, at_line(*file_, mark.line + 1));
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) fail(mark, "anchors are not supported");
  }
  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind_ == Yaml::Kind::map && !open_.back().has_key;
  }
  void take_key(const YAML::Mark& mark, const std::string& key) {
    if (key.size() > kMostKeyBytes) fail(mark, "a key is longer than 200 bytes");
    for (const auto& [other, value] : open_.back().node->map_)
      if (other == key) fail(mark, "the key '" + key + "' stands twice");
    open_.back().key = key;
    open_.back().has_key = true;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Yaml::Kind kind) {
    refuse_anchor(mark, anchor);
    if (!tag.empty() && tag != "?") fail(mark, "tags are not supported");
    if (expects_key()) fail(mark, "a key must be a single value");
    if (open_.size() >= kMostDepth) fail(mark, "is nested deeper than 32 levels");
    open_.push_back({&add(mark, kind)});
  }
  // A new value where the reader stands. Its address stays: a container's vector grows only while the
  // container is the innermost one that is open.
  Yaml& add(const YAML::Mark& mark, Yaml::Kind kind) {
    if (++nodes_ > kMostNodes) fail(mark, "has more than 100,000 values");
    Yaml* node = &root_;
    std::string path;
    if (!open_.empty()) {
      Open& parent = open_.back();
      if (parent.node->kind_ == Yaml::Kind::list) {
        path = parent.node->path_ + "[" + std::to_string(parent.node->list_.size()) + "]";
        node = &parent.node->list_.emplace_back();
      } else {
        path = parent.node->path_.empty() ? parent.key : parent.node->path_ + "." + parent.key;
        node = &parent.node->map_.emplace_back(parent.key, Yaml()).second;
        parent.has_key = false;
      }
    }
    node->kind_ = kind;
    node->line_ = mark.line + 1;
    node->path_ = std::move(path);
    node->file_ = file_;
    return *node;
  }

  std::shared_ptr<const std::string> file_;
  Yaml root_;
  std::vector<Open> open_;
  size_t nodes_ = 0;
};

Yaml Yaml::parse(const std::string& text, const std::string& where) {
  YamlBuilder builder(where);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder) || builder.empty()) throw InputError("is empty", where);
    if (parser.HandleNextDocument(builder)) throw InputError("holds more than one document", where);
  } catch (const YAML::Exception& problem) {
    throw InputError("is not YAML: " + problem.msg, at_line(where, problem.mark.line + 1));
  }
  return builder.take();
}

Yaml Yaml::parse_file(const std::string& path, uint64_t most_bytes) {
  return parse(read_file(path, most_bytes), path);
}

std::string Yaml::where() const {
  const std::string place = at_line(file_ ? *file_ : std::string(), line_);
  return path_.empty() ? place : place + ": field '" + path_ + "'";
}

void Yaml::wrong_type(const char* expected) const {
  const std::string found = kind_ == Kind::scalar
                                ? (quoted_ ? "the text \"" : "'") + scalar_ + (quoted_ ? "\"" : "'")
                                : name_of(kind_);
  throw InputError(std::string("should be ") + expected + ", but is " + found, where());
}

const std::string& Yaml::as_string() const {
  if (kind_ != Kind::scalar) wrong_type("text");
  return scalar_;
}

double Yaml::as_number() const {
  if (kind_ != Kind::scalar || quoted_) wrong_type("a number");
  const char *first = scalar_.data(), *last = first + scalar_.size();
  if (first != last && *first == '+') ++first;
  double number = 0;
  const auto [end, problem] = std::from_chars(first, last, number);
  if (problem != std::errc() || end != last || !std::isfinite(number)) wrong_type("a number");
  return number;
}

int64_t Yaml::as_integer() const {
  if (kind_ != Kind::scalar || quoted_) wrong_type("a whole number");
  int64_t number = 0;
  const char* last = scalar_.data() + scalar_.size();
  const auto [end, problem] = std::from_chars(scalar_.data(), last, number);
  if (problem != std::errc() || end != last) wrong_type("a whole number");
  return number;
}

bool Yaml::as_bool() const {
  if (kind_ != Kind::scalar || quoted_ || (scalar_ != "true" && scalar_ != "false"))
    wrong_type("true or false");
  return scalar_ == "true";
}

const std::vector<Yaml>& Yaml::as_list() const {
  if (kind_ != Kind::list) wrong_type("a list");
  return list_;
}

const std::vector<Yaml::Member>& Yaml::as_map() const {
  if (kind_ != Kind::map) wrong_type("a map");
  return map_;
}

const Yaml* Yaml::find(std::string_view key) const {
  for (const auto& [name, value] : map_)
    if (name == key) return value.is_null() ? nullptr : &value;
  return nullptr;
}

const Yaml& Yaml::at(std::string_view key) const {
  as_map();
  if (const Yaml* member = find(key)) return *member;
  throw InputError("the field '" + std::string(key) + "' is missing", where());
}

void Yaml::only(std::span<const std::string_view> keys) const {
  for (const auto& [name, value] : as_map()) {
    std::vector<std::string> known;
    bool found = false;
    for (const std::string_view key : keys) {
      known.emplace_back(key);
      found = found || key == name;
    }
    if (!found)
      throw InputError("this field is not known", value.where(),
                       "the nearest names: " + nearest_names(name, known));
  }
}

}  // namespace zoetrope
