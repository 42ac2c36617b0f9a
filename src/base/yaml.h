// YAML as a value, with a reader that trusts nothing: one document of maps, lists and scalars. Anchors,
// aliases and tags are refused (an alias bomb cannot be written), duplicate keys too, and depth, size and
// count are bounded. Every error and every access that fails names file, line and field.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zoetrope {

class Yaml {
 public:
  using Member = std::pair<std::string, Yaml>;
  enum class Kind : uint8_t { null, scalar, list, map };

  // `where` (a file's name) goes into every error. Throws InputError.
  static Yaml parse(const std::string& text, const std::string& where);
  static Yaml parse_file(const std::string& path, uint64_t most_bytes = 1u << 20);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_list() const { return kind_ == Kind::list; }

  // Typed access; throws InputError "should be a number, but is a list".
  const std::string& as_string() const;  // a scalar as it was written, without its quotes
  double as_number() const;              // finite; decimal. A quoted scalar is a string, never a number.
  int64_t as_integer() const;
  bool as_bool() const;  // true or false, nothing else
  const std::vector<Yaml>& as_list() const;
  const std::vector<Member>& as_map() const;

  // Members of a map. at() throws where the field is missing; find() returns nullptr (also for null members).
  const Yaml& at(std::string_view key) const;
  const Yaml* find(std::string_view key) const;
  // Throws InputError for a member that is none of these, offering the nearest.
  void only(std::span<const std::string_view> keys) const;
  void only(std::initializer_list<std::string_view> keys) const {
    only(std::span<const std::string_view>(keys.begin(), keys.size()));
  }

  // "runs.yaml:7: field 'runs[2].steps'": for errors that a reader of this value raises itself.
  std::string where() const;

 private:
  friend class YamlBuilder;
  [[noreturn]] void wrong_type(const char* expected) const;

  Kind kind_ = Kind::null;
  bool quoted_ = false;
  int line_ = 1;
  std::string scalar_;
  std::string path_;
  std::shared_ptr<const std::string> file_;
  std::vector<Yaml> list_;
  std::vector<Member> map_;
};

}  // namespace zoetrope
