// Text on pictures: one face of DejaVu at one size.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media/picture.h"

namespace zoetrope {

using Colour = std::array<uint8_t, 3>;  // sRGB

inline const fs::path kFontFolder = "/usr/share/fonts/truetype/dejavu";

class Font {
 public:
  // `pixels`: the em's size. Throws InputError where the file is missing (naming the package) or is no font.
  Font(const fs::path& file, int pixels);
  ~Font();
  Font(Font&&) noexcept;
  Font& operator=(Font&&) = delete;

  int ascent() const;       // pixels above the baseline
  int line_height() const;  // from one baseline to the next

  // UTF-8, left to right, with kerning; a character that the font lacks is drawn as an empty box. Scripts
  // that need shaping (Arabic, Devanagari, ...) come out letter by letter.
  int width(std::string_view text) const;
  // x and baseline may lie outside the picture; what does is not drawn.
  void draw(Picture& picture, int x, int baseline, std::string_view text, Colour colour) const;

  // Lines of at most `pixels`, at most `lines` of them; the last ends in "…" where the text goes on.
  std::vector<std::string> wrap(std::string_view text, int pixels, int lines) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zoetrope
