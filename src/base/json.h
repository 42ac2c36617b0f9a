// JSON as a value, with a reader that trusts nothing: depth, size and duplicate keys are bounded and checked,
// and every access that fails says file and field.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zoetrope {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in the order of the text

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(int64_t{value}) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value) : value_(static_cast<int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::make_shared<Array>(std::move(value))) {}
  Json(Object value) : value_(std::make_shared<Object>(std::move(value))) {}
  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }

  // Parses UTF-8 text. `where` (a file's name) goes into every error. Duplicate keys, depth > 64, invalid
  // UTF-8 and anything after the value are InputErrors. Integers outside int64 become doubles.
  static Json parse(std::string_view text, std::string where);
  static Json parse_file(const std::string& path, uint64_t most_bytes = 64u << 20);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<std::shared_ptr<Array>>(value_); }
  bool is_object() const { return std::holds_alternative<std::shared_ptr<Object>>(value_); }

  // Typed access; throws InputError "field 'a.b[3]' should be a number, but is a string" naming the file.
  bool as_bool() const;
  int64_t as_integer() const;  // a double with an integral value is one too
  double as_number() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;

  // Object members. at() throws where the field is missing; find() returns nullptr (also for a value that is
  // no object).
  const Json& at(std::string_view key) const;
  const Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // The member, or a fallback where it is missing or null.
  int64_t integer_or(std::string_view key, int64_t fallback) const;
  double number_or(std::string_view key, double fallback) const;
  bool bool_or(std::string_view key, bool fallback) const;
  std::string string_or(std::string_view key, std::string_view fallback) const;

  // Building. set() replaces or appends a member (turns null into an object); push_back likewise for arrays.
  Json& set(std::string_view key, Json value);
  Json& push_back(Json value);

  // Text: indent < 0 is one line. Non-finite numbers are written as null. Control characters are escaped.
  std::string dump(int indent = 2) const;

  // "file: field 'x.y'" (or "" for a built value): for errors that a reader of this value raises itself.
  std::string where() const { return where_ ? *where_ : std::string(); }

  bool operator==(const Json& other) const;

 private:
  friend class JsonBuilder;
  [[noreturn]] void wrong_type(std::string_view expected) const;

  std::variant<std::monostate, bool, int64_t, double, std::string, std::shared_ptr<Array>,
               std::shared_ptr<Object>>
      value_;
  // Where the value stood, as "file: field 'a.b[3]'"; null for values that were built. Members past the 256th
  // of a large container share their container's, so that a vocabulary does not carry a path an entry.
  std::shared_ptr<const std::string> where_;
};

}  // namespace zoetrope
