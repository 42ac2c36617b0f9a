#include "base/json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"

namespace zoetrope {

// Receives nlohmann's events and builds the value; it holds the stack of open containers.
class JsonBuilder {
 public:
  using number_integer_t = int64_t;
  using number_unsigned_t = uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  explicit JsonBuilder(std::string file) : file_(std::move(file)) {}

  bool null() { return place(Json()); }
  bool boolean(bool value) { return place(Json(value)); }
  bool number_integer(int64_t value) { return place(Json(value)); }
  bool number_unsigned(uint64_t value) {
    return place(value <= INT64_MAX ? Json(static_cast<int64_t>(value)) : Json(static_cast<double>(value)));
  }
  bool number_float(double value, const std::string&) { return place(Json(value)); }
  bool string(std::string& value) { return place(Json(std::move(value))); }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (!stack_.back().keys.insert(name).second) {
      failure_ = "the key '" + printable(name, 60) + "' stands twice in one object";
      return false;
    }
    stack_.back().key = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& problem) {
    // nlohmann's text repeats the input; the position and the reason behind the last ": " are enough.
    std::string reason = problem.what();
    if (const size_t name = reason.find("] "); name != std::string::npos) reason.erase(0, name + 2);
    if (reason.size() > 200) reason.resize(200);
    failure_ = "is not valid JSON at byte " + std::to_string(position) + " (" + reason + ")";
    return false;
  }

  Json take() {
    if (!failure_.empty()) throw InputError(failure_, file_);
    return std::move(root_);
  }

 private:
  static constexpr size_t kMostDepth = 64;
  static constexpr size_t kMostPaths = 256;
  struct Open {
    Json value;
    std::string path;
    std::string key;
    std::unordered_set<std::string> keys;
    size_t count = 0;
  };

  std::string child_path() const {
    if (stack_.empty()) return "";
    const Open& top = stack_.back();
    if (top.value.is_array()) return top.path + "[" + std::to_string(top.count) + "]";
    return top.path.empty() ? top.key : top.path + "." + top.key;
  }

  void mark(Json& value, const std::string& path) {
    if (!stack_.empty() && stack_.back().count >= kMostPaths)
      value.where_ = stack_.back().value.where_;
    else
      value.where_ =
          std::make_shared<const std::string>(path.empty() ? file_ : file_ + ": field '" + path + "'");
  }

  bool place(Json value) {
    if (!value.where_) mark(value, stack_.empty() || stack_.back().count < kMostPaths ? child_path() : "");
    return attach(std::move(value));
  }

  bool attach(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Open& top = stack_.back();
    ++top.count;
    if (top.value.is_array())
      std::get<std::shared_ptr<Json::Array>>(top.value.value_)->push_back(std::move(value));
    else
      std::get<std::shared_ptr<Json::Object>>(top.value.value_)
          ->emplace_back(std::move(top.key), std::move(value));
    return true;
  }

  bool open(Json value) {
    if (stack_.size() >= kMostDepth) {
      failure_ = "is nested deeper than 64 levels";
      return false;
    }
    std::string path = child_path();
    mark(value, path);
    Open opened;
    opened.value = std::move(value);
    opened.path = std::move(path);
    stack_.push_back(std::move(opened));
    return true;
  }

  bool close() {
    Json value = std::move(stack_.back().value);
    stack_.pop_back();
    return attach(std::move(value));
  }

  std::string file_;
  std::string failure_;
  std::vector<Open> stack_;
  Json root_;
};

namespace {

nlohmann::ordered_json to_nlohmann(const Json& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_integer()) return value.as_integer();
  if (value.is_number()) return value.as_number();
  if (value.is_string()) return value.as_string();
  if (value.is_array()) {
    auto out = nlohmann::ordered_json::array();
    for (const Json& element : value.as_array()) out.push_back(to_nlohmann(element));
    return out;
  }
  if (value.is_object()) {
    auto out = nlohmann::ordered_json::object();
    for (const auto& [key, member] : value.as_object()) out[key] = to_nlohmann(member);
    return out;
  }
  return nullptr;
}

std::string_view type_name(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "an array" : "an object";
}

}  // namespace

Json Json::parse(std::string_view text, std::string where) {
  JsonBuilder builder(std::move(where));
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Json Json::parse_file(const std::string& path, uint64_t most_bytes) {
  return parse(read_file(path, most_bytes), path);
}

void Json::wrong_type(std::string_view expected) const {
  throw InputError("should be " + std::string(expected) + ", but is " + std::string(type_name(*this)),
                   where());
}

bool Json::as_bool() const {
  if (!is_bool()) wrong_type("true or false");
  return std::get<bool>(value_);
}

int64_t Json::as_integer() const {
  if (is_integer()) return std::get<int64_t>(value_);
  if (is_number()) {
    const double number = std::get<double>(value_);
    if (number == std::floor(number) && std::abs(number) < 9.0e18) return static_cast<int64_t>(number);
  }
  wrong_type("an integer");
}

double Json::as_number() const {
  if (is_integer()) return static_cast<double>(std::get<int64_t>(value_));
  if (!is_number()) wrong_type("a number");
  return std::get<double>(value_);
}

const std::string& Json::as_string() const {
  if (!is_string()) wrong_type("a string");
  return std::get<std::string>(value_);
}

const Json::Array& Json::as_array() const {
  if (!is_array()) wrong_type("an array");
  return *std::get<std::shared_ptr<Array>>(value_);
}

const Json::Object& Json::as_object() const {
  if (!is_object()) wrong_type("an object");
  return *std::get<std::shared_ptr<Object>>(value_);
}

const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const auto& [name, member] : as_object())
    if (name == key) return &member;
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  as_object();
  if (const Json* member = find(key)) return *member;
  throw InputError("the field '" + std::string(key) + "' is missing", where());
}

int64_t Json::integer_or(std::string_view key, int64_t fallback) const {
  const Json* member = find(key);
  return member && !member->is_null() ? member->as_integer() : fallback;
}
double Json::number_or(std::string_view key, double fallback) const {
  const Json* member = find(key);
  return member && !member->is_null() ? member->as_number() : fallback;
}
bool Json::bool_or(std::string_view key, bool fallback) const {
  const Json* member = find(key);
  return member && !member->is_null() ? member->as_bool() : fallback;
}
std::string Json::string_or(std::string_view key, std::string_view fallback) const {
  const Json* member = find(key);
  return member && !member->is_null() ? member->as_string() : std::string(fallback);
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = std::make_shared<Object>();
  as_object();
  auto& object = std::get<std::shared_ptr<Object>>(value_);
  if (object.use_count() > 1) object = std::make_shared<Object>(*object);
  for (auto& [name, member] : *object)
    if (name == key) {
      member = std::move(value);
      return *this;
    }
  object->emplace_back(std::string(key), std::move(value));
  return *this;
}

Json& Json::push_back(Json value) {
  if (is_null()) value_ = std::make_shared<Array>();
  as_array();
  auto& array = std::get<std::shared_ptr<Array>>(value_);
  if (array.use_count() > 1) array = std::make_shared<Array>(*array);
  array->push_back(std::move(value));
  return *this;
}

std::string Json::dump(int indent) const {
  return to_nlohmann(*this).dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number()) return as_number() == other.as_number();
  if (value_.index() != other.value_.index()) return false;
  if (is_array()) return as_array() == other.as_array();
  if (is_object()) return as_object() == other.as_object();
  return value_ == other.value_;
}

}  // namespace zoetrope
