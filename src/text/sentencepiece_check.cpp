// The layout is that of sentencepiece_model.proto: 1 pieces {1 piece, 2 score, 3 type}, 2 trainer {3 model
// type}, 3 normalizer and 5 denormalizer {2 character map}. Other fields are skipped after a look at their
// length.

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "text/sentencepiece_model.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

constexpr size_t kMostPieces = 4u << 20;
constexpr size_t kMostPieceBytes = 1024;

struct Field {
  uint64_t number = 0;
  int wire = 0;            // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
  uint64_t value = 0;      // of a number
  std::string_view bytes;  // of wire type 2
};

class WireReader {
 public:
  WireReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}
  bool next(Field& field) {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = varint();
    field.number = tag >> 3;
    field.wire = static_cast<int>(tag & 7);
    if (field.number == 0 || field.number > 0x1FFFFFFF) refuse("a field has a wrong number");
    switch (field.wire) {
      case 0:
        field.value = varint();
        return true;
      case 1:
        field.value = fixed(8);
        return true;
      case 5:
        field.value = fixed(4);
        return true;
      case 2: {
        const uint64_t length = varint();
        if (length > bytes_.size() - at_) refuse("a field is longer than the file");
        field.bytes = bytes_.substr(at_, length);
        at_ += length;
        return true;
      }
      default:
        refuse("a field has an unknown wire type");
    }
  }
  [[noreturn]] void refuse(std::string_view why) const {
    throw InputError(fmt::format("is not a sentencepiece model: {} (byte {})", why, at_), where_);
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ >= bytes_.size()) refuse("it ends within a number");
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) refuse("a number is too large");
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    refuse("a number is too long");
  }
  uint64_t fixed(size_t count) {
    if (bytes_.size() - at_ < count) refuse("it ends within a number");
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, count);
    at_ += count;
    return value;
  }
  std::string_view bytes_;
  std::string where_;
  size_t at_ = 0;
};

void check_piece(std::string_view bytes, size_t index, const std::string& name) {
  WireReader reader(bytes, name);
  const std::string where = fmt::format("{}: piece {}", name, index);
  bool has_text = false;
  for (Field field; reader.next(field);) {
    if (field.number == 1 && field.wire == 2) {
      has_text = !field.bytes.empty();
      if (field.bytes.size() > kMostPieceBytes)
        throw InputError("the piece is longer than 1,024 bytes", where);
      if (field.bytes.find('\0') != field.bytes.npos) throw InputError("the piece holds a zero byte", where);
      require_utf8(field.bytes, where);
    } else if (field.number == 2 && field.wire == 5) {
      float score = 0;
      std::memcpy(&score, &field.value, 4);
      if (!std::isfinite(score)) throw InputError("the score is not a finite number", where);
    } else if (field.number == 3 && field.wire == 0) {
      if (field.value < 1 || field.value > 6)
        throw InputError(fmt::format("the type {} is unknown", field.value), where);
    } else if (field.number <= 3) {
      reader.refuse("a piece has a field of the wrong type");
    }
  }
  if (!has_text) throw InputError("the piece is empty", where);
}

// See charsmap.h for the layout. A step from unit p may land on any (p ^ offset(p) ^ byte).
void check_character_map(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) return;
  uint32_t length = 0;
  if (bytes.size() >= 4) std::memcpy(&length, bytes.data(), 4);
  if (bytes.size() < 4 || length == 0 || length % 4 != 0 || length > bytes.size() - 4)
    throw InputError("the character map's trie does not fit", where);
  const std::string_view replacements = bytes.substr(4 + length);
  const uint64_t count = length / 4;
  if (replacements.empty() || replacements.back() != '\0')
    throw InputError("the character map's replacements do not end", where);
  auto unit_at = [&](uint64_t p) {
    uint32_t unit = 0;
    std::memcpy(&unit, bytes.data() + 4 + 4 * p, 4);
    return unit;
  };
  for (uint64_t p = 0; p < count; ++p) {
    const uint32_t unit = unit_at(p);
    // A unit with the top bit is a value and has no label, so that no step but the first comes from it.
    if (p > 0 && (unit & 0x80000000u)) continue;
    const uint64_t offset = static_cast<uint64_t>(unit >> 10) << ((unit & 512u) >> 6);
    if (((p ^ offset) | 0xFF) >= count)
      throw InputError("the character map's trie points out of itself", where);
    if ((unit & 0x100u) && (unit_at(p ^ offset) & 0x7FFFFFFFu) >= replacements.size())
      throw InputError("the character map points behind its replacements", where);
  }
}

void check_normalizer(std::string_view bytes, const std::string& name) {
  WireReader reader(bytes, name);
  for (Field field; reader.next(field);)
    if (field.number == 2) {
      if (field.wire != 2) reader.refuse("the character map has the wrong type");
      check_character_map(field.bytes, name + ": normalizer_spec.precompiled_charsmap");
    }
}

}  // namespace

void check_sentencepiece(std::string_view bytes, const std::string& name) {
  WireReader reader(bytes, name);
  size_t pieces = 0;
  for (Field field; reader.next(field);) {
    if (field.number > 5) continue;
    if (field.wire != 2) reader.refuse("a part has the wrong type");
    if (field.number == 1) {
      check_piece(field.bytes, pieces++, name);
      if (pieces > kMostPieces) throw InputError("has more than 4 million pieces", name);
    }
    if (field.number == 3 || field.number == 5) check_normalizer(field.bytes, name);
  }
  if (pieces == 0) throw InputError("is not a sentencepiece model: it has no pieces", name);
}

}  // namespace zoetrope
