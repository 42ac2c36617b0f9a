// The character map of a sentencepiece normalizer ("precompiled_charsmap"): the byte length of a double-array
// trie (uint32, little endian), the trie's units (uint32 each), then zero-terminated replacements.
//
// A unit, as in darts-clone (https://github.com/s-yata/darts-clone): bits 0-7 and 31 are the label, bit 8
// says that a value hangs below, bits 10-30 are the offset, shifted by 8 more where bit 9 is set. A step from
// node p over byte b goes to p ^ offset(p) ^ b and holds where that unit's label is b; the value is the unit
// at p ^ offset(p).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

class Charsmap {
 public:
  // `bytes` is the map itself. Throws InputError where lengths disagree or the replacements are not UTF-8.
  Charsmap(std::string_view bytes, const std::string& where);
  // The replacement of the shortest beginning of `text` that the map knows.
  std::optional<std::string_view> find(std::string_view text) const;
  // Cluster by cluster: one shorter than six bytes is replaced as a whole where its beginning is known,
  // any other is replaced character by character. (So the reference does it.)
  template <class Emit>  // Emit(old text, new text); called with equal views where nothing changes
  void apply(std::string_view text, Emit&& emit) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

// Standard base64 with padding. Throws InputError.
std::string decode_base64(std::string_view text, const std::string& where);

}  // namespace zoetrope

#include "text/unicode.h"

namespace zoetrope {

template <class Emit>
void Charsmap::apply(std::string_view text, Emit&& emit) const {
  for (size_t i = 0; i < text.size();) {
    const size_t end = grapheme_end(text, i);
    const std::string_view cluster = text.substr(i, end - i);
    i = end;
    if (cluster.size() < 6) {
      if (auto found = find(cluster)) {
        emit(cluster, *found);
        continue;
      }
    }
    for (size_t k = 0; k < cluster.size();) {
      const std::string_view one = cluster.substr(k, utf8_length(cluster[k]));
      auto found = find(one);
      emit(one, found ? *found : one);
      k += one.size();
    }
  }
}

}  // namespace zoetrope
