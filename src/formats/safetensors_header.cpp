#include "formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "base/checked.h"
#include "base/error.h"

namespace zoetrope {
namespace {

constexpr std::string_view kRemedy = "download the file again, or convert the model to safetensors anew";

// The length of the valid UTF-8 sequence at `i`, or 0 (overlong forms, surrogates and stray bytes).
size_t utf8_length(std::string_view text, size_t i) {
  auto byte = [&](size_t k) { return static_cast<uint8_t>(text[i + k]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 && first <= 0xF4 ? 4 : first >= 0xE0 && first < 0xF0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k)
    if ((byte(k) & 0xC0) != 0x80) return 0;
  // The second byte decides about overlong forms, surrogates and what lies above U+10FFFF.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

void append_utf8(uint32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// Reads just the JSON that a header may hold: an object of objects of strings and lists of whole numbers.
// There is no recursion, so nesting can't exhaust the stack, and nothing is kept but what is asked for.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError("the header " + what + " at its byte " + std::to_string(at_), file_, kRemedy);
  }
  [[noreturn]] void fail_tensor(std::string_view name, const std::string& what) const {
    throw InputError("tensor '" + printable(name, 200) + "' " + what, file_, kRemedy);
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("is not valid: '") + c + "' is missing");
  }
  bool accept_null() {
    skip_space();
    if (text_.substr(at_, 4) != "null") return false;
    at_ += 4;
    return true;
  }
  void expect_end() {
    skip_space();
    if (at_ != text_.size()) fail("goes on after its closing brace");
  }

  std::string string(size_t most_bytes, const char* what_it_is) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '"')
      fail(std::string("is not valid: ") + what_it_is + " should be a string");
    ++at_;
    std::string out;
    while (true) {
      if (at_ >= text_.size()) fail("ends within a string");
      if (out.size() > most_bytes)
        fail(std::string("has ") + what_it_is + " of more than " + std::to_string(most_bytes) + " bytes");
      const auto c = static_cast<uint8_t>(text_[at_]);
      if (c == '"') {
        ++at_;
        return out;
      }
      if (c == '\\') {
        escape(out);
      } else if (c < 0x20) {
        fail("is not valid: a control character in a string");
      } else {
        const size_t length = utf8_length(text_, at_);
        if (length == 0) fail("is not valid UTF-8");
        out.append(text_.substr(at_, length));
        at_ += length;
      }
    }
  }

  // A whole number without sign, point or exponent, as the format wants it.
  uint64_t number(std::string_view tensor, const char* field) {
    skip_space();
    const size_t start = at_;
    uint64_t value = 0;
    bool wrapped = false;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      wrapped |= __builtin_mul_overflow(value, uint64_t{10}, &value);
      wrapped |= __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value);
      ++at_;
    }
    const bool ends =
        at_ < text_.size() && std::string_view(",] \n\t\r").find(text_[at_]) != std::string_view::npos;
    const bool leading_zero = at_ - start > 1 && text_[start] == '0';
    if (at_ == start || !ends || leading_zero)
      fail_tensor(tensor, std::string("has something else than a whole number >= 0 in its ") + field);
    if (wrapped || value > INT64_MAX)
      fail_tensor(tensor, std::string("has a number beyond 2^63 in its ") + field);
    return value;
  }

 private:
  uint32_t four_hex() {
    if (text_.size() - at_ < 4) fail("ends within a string");
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("is not valid: a broken \\u escape");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  }

  void escape(std::string& out) {
    ++at_;
    if (at_ >= text_.size()) fail("ends within a string");
    const char c = text_[at_++];
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out += kTo[i];
      return;
    }
    if (c != 'u') fail("is not valid: an unknown escape in a string");
    uint32_t code = four_hex();
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const uint32_t low = four_hex();
      if (low < 0xDC00 || low > 0xDFFF) fail("is not valid: a lone surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code < 0xE000) {
      fail("is not valid: a lone surrogate");
    }
    append_utf8(code, out);
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
};

std::string known_dtypes() {
  std::string out;
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i)
    out += (i ? ", " : "") + std::string(name_of(static_cast<DType>(i)));
  return out;
}

// The value of "__metadata__": an object of strings (null counts as none, as in the reference library).
void read_metadata(HeaderReader& in, std::map<std::string, std::string>& metadata) {
  if (in.accept_null()) return;
  in.expect('{');
  if (in.accept('}')) return;
  size_t bytes = 0;
  do {
    std::string key = in.string(kMostNameBytes, "a name in __metadata__");
    in.expect(':');
    std::string value = in.string(kMostMetadataBytes, "a value in __metadata__");
    bytes += key.size() + value.size() + 64;  // 64: the map's own entry
    if (bytes > kMostMetadataBytes) in.fail("has __metadata__ of more than 16 MiB");
    if (metadata.contains(key)) in.fail("names '" + printable(key, 100) + "' twice in __metadata__");
    metadata.emplace(std::move(key), std::move(value));
  } while (in.accept(','));
  in.expect('}');
}

Shape read_shape(HeaderReader& in, std::string_view name) {
  std::array<int64_t, Shape::kMaxRank> extents{};
  size_t rank = 0;
  in.expect('[');
  if (in.accept(']')) return {};
  int64_t product = 1;
  do {
    if (rank == Shape::kMaxRank) in.fail_tensor(name, "has more than 8 dimensions");
    const auto extent = static_cast<int64_t>(in.number(name, "shape"));
    const auto next = checked_mul(product, std::max<int64_t>(extent, 1));
    if (!next || *next > (int64_t{1} << 48)) in.fail_tensor(name, "has a shape of more than 2^48 elements");
    product = *next;
    extents[rank++] = extent;
  } while (in.accept(','));
  in.expect(']');
  return Shape(std::span(extents.data(), rank));
}

// {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
TensorInfo read_tensor(HeaderReader& in, std::string name) {
  std::optional<DType> dtype;
  std::optional<Shape> shape;
  std::optional<uint64_t> begin;
  uint64_t end = 0;
  in.expect('{');
  do {
    const std::string field = in.string(kMostNameBytes, "a field of a tensor");
    in.expect(':');
    if (field == "dtype" && !dtype) {
      const std::string text = in.string(64, "a dtype");
      dtype = dtype_from_name(text);
      if (!dtype)
        in.fail_tensor(name, "has the dtype '" + printable(text, 40) + "'; known are " + known_dtypes());
    } else if (field == "shape" && !shape) {
      shape = read_shape(in, name);
    } else if (field == "data_offsets" && !begin) {
      in.expect('[');
      begin = in.number(name, "data_offsets");
      in.expect(',');
      end = in.number(name, "data_offsets");
      in.expect(']');
    } else {
      in.fail_tensor(
          name, "has the field '" + printable(field, 60) + "' twice or one that the format does not know");
    }
  } while (in.accept(','));
  in.expect('}');
  for (const auto& [present, field] :
       {std::pair(dtype.has_value(), "dtype"), std::pair(shape.has_value(), "shape"),
        std::pair(begin.has_value(), "data_offsets")})
    if (!present) in.fail_tensor(name, std::string("has no field '") + field + "'");
  if (end < *begin) in.fail_tensor(name, "ends before it begins (data_offsets)");
  const uint64_t wanted = static_cast<uint64_t>(shape->elements()) * size_of(*dtype);
  if (end - *begin != wanted)
    in.fail_tensor(name, "has " + std::to_string(end - *begin) + " bytes (data_offsets), but its shape " +
                             shape->text() + " of " + std::string(name_of(*dtype)) + " needs " +
                             std::to_string(wanted));
  return {std::move(name), *dtype, *shape, *begin, wanted};
}

bool has_unprintable(std::string_view name) {
  if (std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) return false;
  return printable(name, name.size() * 8 + 16) != name;
}

void check_names(const std::vector<TensorInfo>& tensors, const HeaderReader& in) {
  std::vector<uint32_t> by_name(tensors.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(),
            [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  const auto twin = std::adjacent_find(by_name.begin(), by_name.end(), [&](uint32_t a, uint32_t b) {
    return tensors[a].name == tensors[b].name;
  });
  if (twin != by_name.end()) in.fail_tensor(tensors[*twin].name, "stands twice in the header");
}

// Sorted by offset the tensors must follow each other and end with the data.
void check_cover(const std::vector<TensorInfo>& tensors, uint64_t data_bytes, const HeaderReader& in) {
  uint64_t next = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset)
      in.fail_tensor(tensor.name, "reaches beyond the end of the file (to byte " +
                                      std::to_string(tensor.offset + tensor.bytes) + " of " +
                                      std::to_string(data_bytes) + " bytes of data)");
    if (tensor.offset < next) in.fail_tensor(tensor.name, "overlaps the tensor before it (data_offsets)");
    if (tensor.offset > next)
      in.fail_tensor(tensor.name, "leaves a hole of " + std::to_string(tensor.offset - next) +
                                      " bytes before it (data_offsets)");
    next = tensor.offset + tensor.bytes;
  }
  if (next != data_bytes)
    in.fail("declares " + std::to_string(next) + " bytes of data, but the file has " +
            std::to_string(data_bytes) + ";");
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& file) {
  HeaderReader in(text, file);
  SafetensorsHeader out;
  // The format wants the brace at the very start: no byte-order mark, no space.
  if (text.empty() || text[0] != '{') in.fail("does not begin with '{'");
  in.expect('{');
  bool metadata_seen = false;
  if (!in.accept('}')) {
    do {
      std::string name = in.string(kMostNameBytes, "a tensor's name");
      in.expect(':');
      if (name == "__metadata__") {
        if (metadata_seen) in.fail("has __metadata__ twice");
        metadata_seen = true;
        read_metadata(in, out.metadata);
        continue;
      }
      if (has_unprintable(name)) in.fail_tensor(name, "has control or invisible characters in its name");
      if (out.tensors.size() == kMostTensors)
        in.fail("names more than " + std::to_string(kMostTensors) + " tensors");
      out.tensors.push_back(read_tensor(in, std::move(name)));
    } while (in.accept(','));
    in.expect('}');
  }
  in.expect_end();
  check_names(out.tensors, in);
  // An empty tensor may share the offset of the one after it, which then must come second.
  std::stable_sort(out.tensors.begin(), out.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  check_cover(out.tensors, data_bytes, in);
  return out;
}

}  // namespace zoetrope
