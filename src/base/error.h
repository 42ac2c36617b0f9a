// Errors: every failure that input, files or devices can cause is a typed exception that says what went
// wrong, where, and what to do about it. Its kind decides the exit code of the program.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace zoetrope {

// The values are the exit codes that the command line documents.
enum class ErrorKind : int {
  usage = 2,          // arguments that make no sense
  input = 3,          // a file, a picture, a config, an output that can't be written, a missing program
  does_not_fit = 4,   // the plan says that the budget is too small
  device = 5,         // a device or its driver failed
  finding = 6,        // --strict: the result is there, but black, frozen or otherwise doubtful
  interrupted = 130,  // Ctrl-C
};

class Error : public std::runtime_error {
 public:
  // what: the fact. where: file, field, op, argument (may be empty). remedy: what the user can do (may be
  // empty). Control characters in the three are escaped and each is cut at 1,200 bytes, so that a hostile
  // name can't flood or forge the terminal: the whole message stays under 4,000 characters.
  Error(ErrorKind kind, std::string_view what, std::string_view where = {}, std::string_view remedy = {});
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

struct UsageError : Error {
  explicit UsageError(std::string_view what, std::string_view where = {}, std::string_view remedy = {})
      : Error(ErrorKind::usage, what, where, remedy) {}
};
struct InputError : Error {
  explicit InputError(std::string_view what, std::string_view where = {}, std::string_view remedy = {})
      : Error(ErrorKind::input, what, where, remedy) {}
};
struct FitError : Error {
  explicit FitError(std::string_view what, std::string_view where = {}, std::string_view remedy = {})
      : Error(ErrorKind::does_not_fit, what, where, remedy) {}
};
struct DeviceError : Error {
  explicit DeviceError(std::string_view what, std::string_view where = {}, std::string_view remedy = {})
      : Error(ErrorKind::device, what, where, remedy) {}
};
struct Interrupted : Error {
  Interrupted() : Error(ErrorKind::interrupted, "interrupted") {}
};

// A programming mistake of ours (a broken invariant), never caused by input. Exit code 70.
struct InternalError : std::logic_error {
  using std::logic_error::logic_error;
};

// Escapes control characters (also DEL and the C1 range), invalid UTF-8 and right-to-left marks as \xNN or
// \u{...}, and cuts the result at max_bytes with "…".
std::string printable(std::string_view text, size_t max_bytes = 1200);

// "a, b, c and 17 more": the first `most` of a list and a count.
std::string join_first(const class StringListView& list, size_t most = 20);

// Minimal view so that join_first takes any container of strings.
class StringListView {
 public:
  template <class Container>
  StringListView(const Container& container) {  // NOLINT(google-explicit-constructor): a view
    size_ = container.size();
    text_ = [](const void* c, size_t i) -> std::string {
      auto it = static_cast<const Container*>(c)->begin();
      std::advance(it, static_cast<std::ptrdiff_t>(i));
      return std::string(*it);
    };
    container_ = &container;
  }
  size_t size() const { return size_; }
  std::string operator[](size_t i) const { return text_(container_, i); }

 private:
  const void* container_;
  size_t size_;
  std::string (*text_)(const void*, size_t);
};

}  // namespace zoetrope
