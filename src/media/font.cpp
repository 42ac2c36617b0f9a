#include "media/font.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <map>
#include <system_error>

#include "base/error.h"
#include "media/plain_text.h"

namespace zoetrope {
namespace {

struct Glyph {
  FT_UInt index = 0;      // 0: the font has none
  int left = 0, top = 0;  // of the bitmap, from the pen
  int width = 0, height = 0;
  int advance = 0;                // pixels
  std::vector<uint8_t> coverage;  // (height, width), 0 to 255
};

// A character that takes no room and is not drawn.
bool is_invisible(char32_t c) {
  return c == 0x200B || c == 0x200D || c == 0xFEFF || (c >= 0xFE00 && c <= 0xFE0F);
}

}  // namespace

struct Font::State {
  ~State() {
    if (face) FT_Done_Face(face);
    if (library) FT_Done_FreeType(library);
  }
  const Glyph& glyph(char32_t character);
  Glyph box() const;

  FT_Library library = nullptr;
  FT_Face face = nullptr;
  int pixels = 0;
  std::map<char32_t, Glyph> glyphs;
};

Glyph Font::State::box() const {
  Glyph out;
  out.width = std::max(3, pixels * 3 / 5);
  out.height = std::max(3, pixels * 7 / 10);
  out.left = 1;
  out.top = out.height;
  out.advance = out.width + 2;
  out.coverage.assign(static_cast<size_t>(out.width * out.height), 0);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      if (x == 0 || y == 0 || x == out.width - 1 || y == out.height - 1)
        out.coverage[static_cast<size_t>(y * out.width + x)] = 255;
  return out;
}

const Glyph& Font::State::glyph(char32_t character) {
  const auto found = glyphs.find(character);
  if (found != glyphs.end()) return found->second;
  Glyph out;
  out.index = FT_Get_Char_Index(face, character);
  if (is_invisible(character)) {
    out = Glyph{};
  } else if (out.index == 0 || FT_Load_Glyph(face, out.index, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT) != 0 ||
             face->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY) {
    out = box();
  } else {
    const FT_GlyphSlot slot = face->glyph;
    out.left = slot->bitmap_left;
    out.top = slot->bitmap_top;
    out.width = static_cast<int>(slot->bitmap.width);
    out.height = static_cast<int>(slot->bitmap.rows);
    out.advance = static_cast<int>((slot->advance.x + 32) >> 6);
    for (int y = 0; y < out.height; ++y) {
      const uint8_t* row = slot->bitmap.buffer + static_cast<ptrdiff_t>(y) * slot->bitmap.pitch;
      out.coverage.insert(out.coverage.end(), row, row + out.width);
    }
  }
  return glyphs.emplace(character, std::move(out)).first->second;
}

Font::Font(const fs::path& file, int pixels) : state_(std::make_unique<State>()) {
  std::error_code failure;
  if (!fs::is_regular_file(file, failure))
    throw InputError("the font is missing", file.string(), "install the package fonts-dejavu-core");
  if (FT_Init_FreeType(&state_->library) != 0) throw std::bad_alloc();
  if (FT_New_Face(state_->library, file.c_str(), 0, &state_->face) != 0 ||
      FT_Set_Pixel_Sizes(state_->face, 0, static_cast<FT_UInt>(pixels)) != 0)
    throw InputError("is not a font that can be used", file.string(),
                     "install the package fonts-dejavu-core again");
  state_->pixels = pixels;
}
Font::~Font() = default;
Font::Font(Font&&) noexcept = default;

int Font::ascent() const { return static_cast<int>((state_->face->size->metrics.ascender + 63) >> 6); }
int Font::line_height() const { return static_cast<int>((state_->face->size->metrics.height + 63) >> 6); }

namespace {

// Calls place(glyph, pen) for each character; returns where the pen ends.
template <class State, class Place>
int walk(State& state, std::string_view text, Place place) {
  int pen = 0;
  FT_UInt before = 0;
  for (size_t at = 0; at < text.size();) {
    const Glyph& glyph = state.glyph(next_character(text, at));
    FT_Vector kerning{};
    if (before && glyph.index &&
        FT_Get_Kerning(state.face, before, glyph.index, FT_KERNING_DEFAULT, &kerning) == 0)
      pen += static_cast<int>(kerning.x >> 6);
    place(glyph, pen);
    pen += glyph.advance;
    before = glyph.index;
  }
  return pen;
}

}  // namespace

int Font::width(std::string_view text) const {
  return walk(*state_, text, [](const Glyph&, int) {});
}

void Font::draw(Picture& picture, int x, int baseline, std::string_view text, Colour colour) const {
  walk(*state_, text, [&](const Glyph& glyph, int pen) {
    for (int row = 0; row < glyph.height; ++row) {
      const int y = baseline - glyph.top + row;
      if (y < 0 || y >= picture.height) continue;
      for (int column = 0; column < glyph.width; ++column) {
        const int px = x + pen + glyph.left + column;
        if (px < 0 || px >= picture.width) continue;
        const int cover = glyph.coverage[static_cast<size_t>(row * glyph.width + column)];
        uint8_t* out = picture.row(y) + px * 3;
        for (size_t c = 0; c < 3; ++c)
          out[c] = static_cast<uint8_t>((out[c] * (255 - cover) + colour[c] * cover + 127) / 255);
      }
    }
  });
}

std::vector<std::string> Font::wrap(std::string_view text, int pixels, int lines) const {
  // More than fills the lines is not looked at, so that a long text costs no time.
  const std::string line = one_line(text.substr(0, 4096));
  std::vector<std::string> out;
  std::string current;
  auto fits = [&](const std::string& s) { return width(s) <= pixels; };
  auto end_line = [&] { out.push_back(std::exchange(current, {})); };
  for (size_t at = 0; at < line.size() && static_cast<int>(out.size()) <= lines;) {
    size_t end = line.find(' ', at);
    if (end == std::string::npos) end = line.size();
    const std::string word = line.substr(at, end - at);
    at = end + 1;
    const std::string longer = current.empty() ? word : current + " " + word;
    if (fits(longer)) {
      current = longer;
      continue;
    }
    if (!current.empty()) end_line();
    for (size_t i = 0; i < word.size();) {  // a word wider than a line is broken anywhere
      const size_t begin = i;
      next_character(word, i);
      const std::string letter = word.substr(begin, i - begin);
      if (!current.empty() && !fits(current + letter)) end_line();
      current += letter;
    }
  }
  if (!current.empty()) end_line();
  if (static_cast<int>(out.size()) <= lines) return out;
  out.resize(static_cast<size_t>(std::max(lines, 1)));
  std::string& last = out.back();
  while (!last.empty() && !fits(last + "…")) {
    do last.pop_back();
    while (!last.empty() && (static_cast<uint8_t>(last.back()) & 0xC0) == 0x80);
    // A lead byte whose followers are gone goes as well.
    if (!last.empty() && (static_cast<uint8_t>(last.back()) & 0xC0) == 0xC0) last.pop_back();
  }
  while (!last.empty() && (last.back() == ' ' || last.back() == ',')) last.pop_back();
  last += "…";
  return out;
}

}  // namespace zoetrope
