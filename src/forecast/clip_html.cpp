#include <fmt/format.h>

#include <algorithm>

#include "forecast/clip_report.h"

namespace zoetrope {
namespace {

constexpr double kWidth = 960, kRow = 26, kLabel = 150;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string bar(double x, double y, double width, const char* colour, const std::string& title) {
  return fmt::format(
      "<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='18' fill='{}'><title>{}</title></rect>\n", x, y,
      std::max(width, 0.5), colour, escaped(title));
}

std::string label(double x, double y, const std::string& text, const char* anchor = "start") {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>\n", x, y, anchor, escaped(text));
}

// A row a stage, from when it begins to when it ends; the part in which weights are loaded is lighter.
std::string schedule(const ClipPlan& plan) {
  const double scale = (kWidth - kLabel - 90) / std::max(plan.seconds, 1e-9);
  std::string svg;
  double begin = 0, y = 8;
  for (const StagePrice& stage : plan.stages) {
    svg += label(0, y + 14, stage.name);
    svg += bar(kLabel + begin * scale, y, stage.load_seconds * scale, "#9ecae1",
               fmt::format("{}: {:.2f} s loading", stage.name, stage.load_seconds));
    svg += bar(kLabel + (begin + stage.load_seconds) * scale, y, (stage.seconds - stage.load_seconds) * scale,
               "#3182bd", fmt::format("{}: {:.2f} s", stage.name, stage.seconds));
    begin += stage.seconds;
    svg += label(kLabel + begin * scale + 4, y + 14, fmt::format("{:.2f} s", stage.seconds));
    y += kRow;
  }
  return fmt::format("<svg width='{}' height='{}'>\n{}</svg>\n", kWidth, y + 8, svg);
}

// What each stage holds of the budget: weights, and the rest.
std::string memory(const ClipPlan& plan) {
  const double scale = (kWidth - kLabel - 90) / static_cast<double>(plan.budget_bytes);
  std::string svg;
  double y = 8;
  for (const StagePrice& stage : plan.stages) {
    if (stage.peak_bytes == 0) continue;
    const auto resident = static_cast<double>(stage.resident_bytes),
               peak = static_cast<double>(stage.peak_bytes);
    svg += label(0, y + 14, stage.name);
    svg +=
        bar(kLabel, y, resident * scale, "#756bb1", fmt::format("weights: {} bytes", stage.resident_bytes));
    svg += bar(kLabel + resident * scale, y, (peak - resident) * scale, "#bcbddc",
               fmt::format("everything else: {} bytes", stage.peak_bytes - stage.resident_bytes));
    svg += label(kLabel + peak * scale + 4, y + 14, fmt::format("{:.2f} GiB", peak / (1 << 30)));
    y += kRow;
  }
  const double edge = kLabel + static_cast<double>(plan.budget_bytes) * scale;
  svg += fmt::format(
      "<line x1='{0:.1f}' x2='{0:.1f}' y1='0' y2='{1}' stroke='#c00' stroke-dasharray='4 3'/>\n", edge, y);
  return fmt::format("<svg width='{}' height='{}'>\n{}</svg>\n", kWidth, y + 8, svg);
}

}  // namespace

std::string html_of(const ClipPlan& plan) {
  return fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{0}</title>\n"
      "<style>body{{font:14px sans-serif;margin:2em;max-width:64em}}svg text{{font:13px sans-serif}}"
      "pre{{background:#f4f4f4;padding:1em;overflow-x:auto}}</style></head><body>\n<h1>{0}</h1>\n"
      "<h2>Schedule</h2>\n{1}<p>Light: weights on their way to the device. Dark: work.</p>\n"
      "<h2>Memory</h2>\n{2}<p>Dark: weights that stay. Light: everything else. Dashed: the budget of {3} "
      "bytes.</p>\n<h2>Numbers</h2>\n<pre>{4}</pre>\n<pre>{5}</pre>\n</body></html>\n",
      escaped(fmt::format("{}: {} on {}", plan.request.model, text_of(plan.request), plan.gpu.name)),
      schedule(plan), memory(plan), plan.budget_bytes, escaped(table_of(plan)), escaped(explain_clip(plan)));
}

}  // namespace zoetrope
