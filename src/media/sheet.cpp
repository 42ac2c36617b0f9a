#include "media/sheet.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr Colour kPaper = {247, 246, 242};
constexpr Colour kCard = {255, 255, 255};
constexpr Colour kEdge = {222, 219, 211};
constexpr Colour kInk = {33, 35, 41};
constexpr Colour kSoft = {104, 107, 116};
constexpr Colour kAccent = {176, 74, 42};

constexpr int kMargin = 40, kGutter = 28, kPadding = 16;
constexpr int kPromptLines = 4, kNarrationLines = 5;

struct Fonts {
  Font title, number, prompt, narration, note;
  explicit Fonts(const fs::path& folder)
      : title(folder / "DejaVuSans-Bold.ttf", 32),
        number(folder / "DejaVuSans-Bold.ttf", 15),
        prompt(folder / "DejaVuSans-Bold.ttf", 15),
        narration(folder / "DejaVuSans.ttf", 15),
        note(folder / "DejaVuSans.ttf", 14) {}
};

void fill(Picture& picture, int left, int top, int width, int height, Colour colour) {
  for (int y = std::max(top, 0); y < std::min(top + height, picture.height); ++y)
    for (int x = std::max(left, 0); x < std::min(left + width, picture.width); ++x)
      std::copy(colour.begin(), colour.end(), picture.row(y) + x * 3);
}

void paste(Picture& picture, const Picture& piece, int left, int top) {
  for (int y = 0; y < piece.height; ++y)
    std::copy_n(piece.row(y), static_cast<size_t>(piece.width) * 3, picture.row(top + y) + left * 3);
}

// A line of text with its own font and colour, as a cell or the head is made of.
struct Line {
  const Font* font;
  std::string text;
  Colour colour;
  int gap;  // pixels above
};

int height_of(const std::vector<Line>& lines) {
  int height = 0;
  for (const Line& line : lines) height += line.gap + line.font->line_height();
  return height;
}

void draw_lines(Picture& sheet, int x, int y, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    y += line.gap;
    line.font->draw(sheet, x, y + line.font->ascent(), line.text, line.colour);
    y += line.font->line_height();
  }
}

// How a paragraph is set: at most `most` lines, the first `gap` pixels below what is above.
struct Style {
  const Font& font;
  Colour colour;
  int most, gap;
};

void add_lines(std::vector<Line>& lines, std::string_view text, int width, const Style& style) {
  int gap = style.gap;
  for (std::string& line : style.font.wrap(text, width, style.most)) {
    lines.push_back({&style.font, std::move(line), style.colour, gap});
    gap = 0;
  }
}

std::vector<Line> cell_lines(const SheetShot& shot, size_t number, const Fonts& fonts, int width) {
  std::vector<Line> lines;
  std::string head = fmt::format("{}", number);
  if (shot.seconds > 0) head += fmt::format("  ·  {:.1f} s", shot.seconds);
  lines.push_back({&fonts.number, head, kAccent, 10});
  add_lines(lines, shot.prompt, width, {fonts.prompt, kInk, kPromptLines, 4});
  add_lines(lines, shot.narration, width, {fonts.narration, kSoft, kNarrationLines, 6});
  return lines;
}

struct Layout {
  int columns, image_width, image_height;
  int cell_width() const { return image_width + 2 * kPadding; }
};

Layout lay_out(const std::vector<SheetShot>& shots) {
  const auto count = static_cast<int>(shots.size());
  Layout out{};
  out.columns = count <= 3 ? count : count == 4 ? 2 : count <= 9 ? 3 : 4;
  const Picture& frame = shots.front().frame;
  // Upright frames are narrower, so that rows stay of one height or so.
  out.image_width = frame.width >= frame.height ? 384 : 256;
  const double height = static_cast<double>(out.image_width) * frame.height / frame.width;
  out.image_height = static_cast<int>(std::clamp(height, 64.0, 768.0));
  return out;
}

}  // namespace

Picture draw_sheet(const SheetContent& content, const fs::path& font_folder) {
  if (content.shots.empty() || content.shots.size() > 64) throw InternalError("draw_sheet: 1 to 64 shots");
  for (const SheetShot& shot : content.shots)
    if (shot.frame.width < 1 || shot.frame.height < 1)
      throw InternalError("draw_sheet: a shot without a frame");
  const Fonts fonts(font_folder);
  const Layout layout = lay_out(content.shots);
  const int width = 2 * kMargin + layout.columns * layout.cell_width() + (layout.columns - 1) * kGutter;

  std::vector<Line> head;
  add_lines(head, content.title, width - 2 * kMargin, {fonts.title, kInk, 2, 0});
  add_lines(head, content.note, width - 2 * kMargin, {fonts.note, kSoft, 2, 6});

  std::vector<std::vector<Line>> cells;
  for (const SheetShot& shot : content.shots)
    cells.push_back(cell_lines(shot, cells.size() + 1, fonts, layout.image_width));
  const int first_row = kMargin + height_of(head) + (head.empty() ? 0 : kGutter);
  std::vector<int> row_heights;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i % static_cast<size_t>(layout.columns) == 0) row_heights.push_back(0);
    row_heights.back() =
        std::max(row_heights.back(), kPadding + layout.image_height + height_of(cells[i]) + kPadding);
  }
  int height = first_row - kGutter + kMargin;
  for (int row : row_heights) height += row + kGutter;

  Picture sheet(width, height);
  fill(sheet, 0, 0, width, height, kPaper);
  draw_lines(sheet, kMargin, kMargin, head);
  int y = first_row;
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto column = static_cast<int>(i % static_cast<size_t>(layout.columns));
    const size_t row = i / static_cast<size_t>(layout.columns);
    const int x = kMargin + column * (layout.cell_width() + kGutter);
    fill(sheet, x - 1, y - 1, layout.cell_width() + 2, row_heights[row] + 2, kEdge);
    fill(sheet, x, y, layout.cell_width(), row_heights[row], kCard);
    const Picture small = fit_to(content.shots[i].frame, layout.image_width, layout.image_height, Fit::cover);
    paste(sheet, small, x + kPadding, y + kPadding);
    draw_lines(sheet, x + kPadding, y + kPadding + layout.image_height, cells[i]);
    if (column == layout.columns - 1) y += row_heights[row] + kGutter;
  }
  return sheet;
}

}  // namespace zoetrope
