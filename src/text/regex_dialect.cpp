// Translates Oniguruma's Ruby syntax to PCRE2's. Where the two read the same text differently (`\h`, `{2}+`,
// `(?m)`), the meaning of the former is kept; where there is no counterpart the pattern is refused. Facts:
// https://github.com/kkos/oniguruma/blob/master/doc/RE and pcre2pattern(3).

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

std::string in_class(std::span<const CodePointRange> ranges) {
  std::string out;
  for (const auto& [first, last] : ranges) out += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", first, last);
  return out;
}

std::string complement_in_class(std::span<const CodePointRange> ranges) {
  std::string out;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) out += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", next, first - 1);
    next = last + 1;
  }
  return out + fmt::format("\\x{{{:X}}}-\\x{{10FFFF}}", next);
}

// `\w` of this dialect: the general table without the joiners and with six superscripts and fractions.
std::vector<CodePointRange> word_of_patterns() {
  std::vector<CodePointRange> out;
  bool added = false;
  for (const auto& range : word_ranges()) {
    if (range.first == 0x200C) continue;
    if (!added && range.first > 0xB2) {
      out.insert(out.end(), {{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
      added = true;
    }
    out.push_back(range);
  }
  std::sort(out.begin(), out.end(), [](auto a, auto b) { return a.first < b.first; });
  return out;
}

bool is_category(std::string_view name) {
  static constexpr std::string_view kNames[] = {"L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc",
                                                "Me", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps",
                                                "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So",
                                                "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Co", "Cn"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string category_in_class(std::string_view name) {
  std::string out = fmt::format("\\p{{{}}}", name);
  for (const auto& change : category_changes())
    if (std::string_view(change.category).substr(0, name.size()) == name)
      out += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", change.first, change.last);
  return out;
}

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : in_(pattern), where_(where) {}

  std::string run() {
    starts_.push_back(0);
    while (at_ < in_.size()) item();
    if (starts_.size() != 1) refuse("a group is not closed");
    return std::move(out_);
  }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  [[noreturn]] void refuse(std::string_view why) const {
    throw InputError(
        fmt::format("the pattern '{}' can't be used: {}, at byte {}", printable(in_, 200), why, at_), where_);
  }
  bool has(std::string_view text) const { return in_.substr(at_, text.size()) == text; }
  char peek(size_t ahead = 0) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  void emit_atom(std::string_view text) {
    atom_ = out_.size();
    out_ += text;
  }

  void item() {
    switch (peek()) {
      case '\\':
        return escape();
      case '[':
        return character_class();
      case '(':
        return open_group();
      case ')':
        if (starts_.size() == 1) refuse("a ')' without '('");
        atom_ = starts_.back();
        starts_.pop_back();
        out_ += ')';
        ++at_;
        return;
      case '*':
      case '+':
      case '?':
        out_ += in_[at_++];
        if (peek() == '?' || peek() == '+') out_ += in_[at_++];
        return;
      case '{':
        if (interval()) return;
        emit_atom("\\{");
        ++at_;
        return;
      case '|':
      case '^':
      case '$':
        out_ += in_[at_++];
        atom_ = kNone;
        return;
      default: {
        const size_t length = utf8_length(in_[at_]);
        emit_atom(in_.substr(at_, length));
        at_ += length;
      }
    }
  }

  // {n}, {n,}, {n,m} and {,m}. After the first a '?' or, after all, a '+' repeats the whole once more.
  bool interval() {
    size_t i = at_ + 1;
    std::string low, high;
    auto digits = [&](std::string& to) {
      while (i < in_.size() && in_[i] >= '0' && in_[i] <= '9') to += in_[i++];
    };
    digits(low);
    const bool comma = i < in_.size() && in_[i] == ',';
    if (comma) {
      ++i;
      digits(high);
    }
    if (i >= in_.size() || in_[i] != '}' || (low.empty() && high.empty())) return false;
    if (atom_ == kNone) refuse("nothing to repeat");
    at_ = i + 1;
    if (low.empty()) low = "0";
    out_ += comma ? fmt::format("{{{},{}}}", low, high) : fmt::format("{{{}}}", low);
    const bool again = peek() == '+' || (!comma && peek() == '?');
    if (again) {
      out_.insert(atom_, "(?:");
      out_ += ')';
    } else if (peek() == '?') {
      out_ += in_[at_++];
    }
    return true;
  }

  void open_group() {
    const size_t start = out_.size();
    if (peek(1) == '*') refuse("a verb");
    if (peek(1) != '?') {
      out_ += '(';
      ++at_;
    } else if (has("(?#")) {
      const size_t end = in_.find(')', at_);
      if (end == in_.npos) refuse("a comment is not closed");
      at_ = end + 1;
      return;
    } else {
      bool known = false;
      for (std::string_view head : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"})
        if (has(head)) {
          out_ += head;
          at_ += head.size();
          known = true;
          break;
        }
      if (!known && has("(?<")) {
        const size_t end = in_.find('>', at_);
        if (end == in_.npos) refuse("a group's name is not closed");
        out_ += in_.substr(at_, end + 1 - at_);
        at_ = end + 1;
        known = true;
      }
      if (!known && !options(start)) return;
    }
    starts_.push_back(start);
    atom_ = kNone;
  }

  // "(?i:" opens a group (true), "(?i)" holds for the rest of the group that it begins (false).
  bool options(size_t start) {
    size_t i = at_ + 2;
    std::string flags;
    for (; i < in_.size() && in_[i] != ':' && in_[i] != ')'; ++i) {
      const char c = in_[i];
      if (c == 'i' || c == '-')
        flags += c;
      else if (c == 'm')
        flags += 's';
      else
        refuse(fmt::format("an unsupported group or option '(?{}'", printable(in_.substr(at_ + 2, 8), 20)));
    }
    if (i >= in_.size()) refuse("a group is not closed");
    const bool opens = in_[i] == ':';
    if (!opens && start != body_of(starts_.back())) refuse("options amid a group; write (?i:...)");
    out_ += "(?" + flags + in_[i];
    at_ = i + 1;
    return opens;
  }

  // Where the content of the group begins that was opened at `start` (0: the whole pattern).
  size_t body_of(size_t start) const {
    if (starts_.size() == 1) return 0;
    for (std::string_view head : {"(?<=", "(?<!", "(?:", "(?=", "(?!", "(?>"})
      if (std::string_view(out_).substr(start, head.size()) == head) return start + head.size();
    return start + 1;
  }

  std::string property(bool& negated) {
    negated = in_[at_ + 1] == 'P';
    std::string name;
    if (peek(2) == '{') {
      const size_t end = in_.find('}', at_);
      if (end == in_.npos) refuse("a property is not closed");
      name = in_.substr(at_ + 3, end - at_ - 3);
      at_ = end + 1;
    } else {
      refuse("a property without braces");
    }
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.erase(0, 1);
    }
    if (name.size() <= 2) {
      for (size_t k = 0; k < name.size(); ++k)
        name[k] = static_cast<char>(k == 0 ? std::toupper(name[k]) : std::tolower(name[k]));
      if (!is_category(name)) refuse("unknown property");
      return category_in_class(name);
    }
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c) || c == '_'; }))
      refuse("unknown property");
    if (name == "Any") return "\\x{0}-\\x{10FFFF}";
    return "\\p{sc:" + name + "}";
  }

  // The content of a character class that an escape stands for; false where it is no set of characters.
  // `single` says that it is one character.
  bool set_escape(std::string& content, bool& negated) {
    const char c = peek(1);
    negated = false;
    switch (c) {
      case 's':
      case 'S':
        content = in_class(white_space_ranges());
        break;
      case 'w':
      case 'W':
        content = in_class(word_of_patterns());
        break;
      case 'd':
      case 'D':
        content = category_in_class("Nd");
        break;
      case 'h':
      case 'H':
        content = "0-9a-fA-F";
        break;
      case 'p':
      case 'P':
        content = property(negated);
        return true;
      default:
        return false;
    }
    negated = c < 'a';
    at_ += 2;
    return true;
  }

  std::string hex_escape() {
    const bool braces = peek(1) == 'x' && peek(2) == '{';
    size_t i = at_ + (braces ? 3 : 2);
    const size_t most = braces ? 8 : peek(1) == 'u' ? 4 : 2;
    uint32_t value = 0;
    size_t count = 0;
    for (; count < most && i < in_.size() && std::isxdigit(static_cast<unsigned char>(in_[i])); ++i, ++count)
      value = value * 16 + static_cast<uint32_t>(std::stoi(std::string(1, in_[i]), nullptr, 16));
    if (count == 0 || (peek(1) == 'u' && count != 4) || (braces && (i >= in_.size() || in_[i] != '}')))
      refuse("a wrong hexadecimal escape");
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) refuse("no code point");
    if (peek(1) == 'x' && !braces && value >= 0x80) refuse("a raw byte");
    at_ = i + (braces ? 1 : 0);
    return fmt::format("\\x{{{:X}}}", value);
  }

  // One character; empty where the escape is something else.
  std::string character_escape() {
    if (at_ + 1 >= in_.size()) refuse("a '\\' at the end");
    const char c = peek(1);
    if (c == 'x' || c == 'u') return hex_escape();
    static constexpr std::string_view kLetters = "ntrfvae";
    static constexpr uint8_t kValues[] = {0x0A, 0x09, 0x0D, 0x0C, 0x0B, 0x07, 0x1B};
    if (const size_t k = kLetters.find(c); k != kLetters.npos) {
      at_ += 2;
      return fmt::format("\\x{{{:X}}}", kValues[k]);
    }
    if (std::isalnum(static_cast<unsigned char>(c))) return "";
    const size_t length = utf8_length(c);
    std::string out = length == 1 ? std::string("\\") : std::string();
    out += in_.substr(at_ + 1, length);
    at_ += 1 + length;
    return out;
  }

  void escape() {
    std::string content;
    bool negated = false;
    if (set_escape(content, negated)) return emit_atom((negated ? "[^" : "[") + content + "]");
    std::string one = character_escape();
    if (!one.empty()) return emit_atom(one);
    const char c = peek(1);
    if (c == 'b' || c == 'B') {
      const std::string word = "[" + in_class(word_of_patterns()) + "]";
      const std::string edge = fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word);
      const std::string inside = fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
      at_ += 2;
      return emit_atom(c == 'b' ? edge : inside);
    }
    if (c == 'A' || c == 'z' || c == 'Z' || (c >= '1' && c <= '9')) {
      emit_atom(in_.substr(at_, 2));
      at_ += 2;
      return;
    }
    refuse(fmt::format("an unsupported escape '\\{}'", c));
  }

  void character_class() {
    std::string body = "[";
    ++at_;
    if (peek() == '^') {
      body += '^';
      ++at_;
    }
    if (peek() == ']') refuse("an empty character class");
    while (peek() != ']') {
      if (at_ >= in_.size()) refuse("a character class is not closed");
      if (has("[:") || peek() == '[') refuse("a class inside a class");
      if (has("&&")) refuse("an intersection of classes");
      if (peek() == '\\') {
        class_escape(body);
      } else {
        const size_t length = utf8_length(in_[at_]);
        body += in_.substr(at_, length);
        at_ += length;
      }
    }
    ++at_;
    emit_atom(body + "]");
  }

  void class_escape(std::string& body) {
    std::string content;
    bool negated = false;
    const char c = peek(1);
    if (c == 'b') {
      body += "\\x{8}";
      at_ += 2;
      return;
    }
    if (set_escape(content, negated)) {
      if (!negated)
        body += content;
      else if (c == 'S')
        body += complement_in_class(white_space_ranges());
      else if (c == 'W')
        body += complement_in_class(word_of_patterns());
      else if (c == 'H')
        body += "\\x{0}-\\x{2F}\\x{3A}-\\x{40}\\x{47}-\\x{60}\\x{67}-\\x{10FFFF}";
      else if (content.rfind("\\p{", 0) == 0)
        body += "\\P" + content.substr(2, content.find('}') - 1);  // the age of the category table shows here
      else
        refuse("a negated set inside a class");
      return;
    }
    const std::string one = character_escape();
    if (one.empty()) refuse("an unsupported escape in a character class");
    body += one;
  }

  std::string_view in_;
  const std::string& where_;
  size_t at_ = 0;
  std::string out_;
  size_t atom_ = kNone;         // where in out_ the last repeatable thing begins
  std::vector<size_t> starts_;  // of the open groups
};

}  // namespace

std::string translate_pattern(std::string_view pattern, const std::string& where) {
  require_utf8(pattern, where);
  return Translator(pattern, where).run();
}

}  // namespace zoetrope
