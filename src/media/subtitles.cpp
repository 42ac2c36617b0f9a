#include "media/subtitles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "media/plain_text.h"

namespace zoetrope {
namespace {

// Two lines of about equal length where one does not hold the text: a short second line reads badly.
std::vector<std::string> balanced_lines(const std::string& text) {
  std::vector<std::string> lines = wrap(text, kSubtitleColumns);
  if (lines.size() != 2) return lines;
  for (int columns = columns_of(text) / 2; columns < kSubtitleColumns; ++columns) {
    std::vector<std::string> narrow = wrap(text, columns);
    if (narrow.size() == 2) return narrow;
  }
  return lines;
}

bool fits(const std::string& text) { return wrap(text, kSubtitleColumns).size() <= kSubtitleLines; }

// A text for one cue, off the front of `rest`: up to the last clause that fits, or else the last word.
std::string take_front(std::string& rest) {
  if (fits(rest)) return std::exchange(rest, {});
  size_t clause = 0, word = 0, character = 0;
  for (size_t at = 0; at < rest.size();) {
    const size_t here = at;
    const char32_t c = next_character(rest, at);
    if (!fits(rest.substr(0, at))) break;
    character = at;
    if (c == ' ') word = here;
    const bool wide_pause = c == 0x3001 || c == 0xFF0C || c == 0xFF1B;
    const bool pause = c == ',' || c == ';' || c == ':' || c == 0x2013 || c == 0x2014;
    if (wide_pause || (pause && at < rest.size() && rest[at] == ' ')) clause = at;
  }
  // A clause that leaves the cue nearly empty is no gain.
  size_t cut = clause > character / 3 ? clause : word > 0 ? word : character;
  std::string front = rest.substr(0, cut);
  rest = one_line(rest.substr(cut));
  return front;
}

// A last piece of a word or two is joined by moving the break to the middle.
std::vector<std::string> cue_texts(std::string text) {
  std::vector<std::string> out;
  while (!text.empty()) out.push_back(take_front(text));
  if (out.size() < 2 || columns_of(out.back()) >= 15) return out;
  const std::string both = out[out.size() - 2] + " " + out.back();
  const size_t middle = both.find(' ', both.size() / 2);
  if (middle == std::string::npos) return out;
  const std::string first = both.substr(0, middle), second = both.substr(middle + 1);
  if (fits(first) && fits(second) && !second.empty()) {
    out[out.size() - 2] = first;
    out.back() = second;
  }
  return out;
}

std::string clock(double seconds, char point) {
  const int64_t ms = std::max<int64_t>(0, std::llround(seconds * 1000));
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, point,
                     ms % 1000);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// The lines of a cue, none of them empty: an empty line would end it.
std::string cue_body(const std::string& text) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = one_line(std::string_view(text).substr(begin, end - begin));
    if (!line.empty()) out += (out.empty() ? "" : "\n") + line;
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::vector<SubtitleCue> make_cues(std::span<const SpokenText> speech) {
  std::vector<SubtitleCue> out;
  double earliest = 0;
  for (const SpokenText& spoken : speech) {
    std::vector<std::string> texts;
    for (const std::string& sentence : split_sentences(spoken.text))
      for (std::string& piece : cue_texts(sentence)) texts.push_back(std::move(piece));
    double total = 0;
    for (const std::string& text : texts) total += columns_of(text);
    const double begin = std::max(std::isfinite(spoken.start) ? spoken.start : 0.0, earliest);
    const double length =
        std::max(std::isfinite(spoken.end) ? spoken.end - begin : 0.0, 0.001 * texts.size());
    double before = 0;
    for (const std::string& text : texts) {
      SubtitleCue cue;
      // On whole milliseconds, as the formats have them, so that neighbours meet and don't overlap.
      cue.start = std::max(std::round((begin + length * before / total) * 1000) / 1000, earliest);
      before += columns_of(text);
      cue.end = std::max(std::round((begin + length * before / total) * 1000) / 1000, cue.start + 0.001);
      for (const std::string& line : balanced_lines(text)) cue.text += (cue.text.empty() ? "" : "\n") + line;
      earliest = cue.end;
      out.push_back(std::move(cue));
    }
  }
  return out;
}

std::string to_srt(std::span<const SubtitleCue> cues) {
  std::string out;
  int number = 0;
  for (const SubtitleCue& cue : cues) {
    std::string body = cue_body(cue.text);
    if (body.empty()) continue;
    body = replaced(std::move(body), "-->", "\xE2\x86\x92");  // an arrow
    body =
        replaced(std::move(body), "<", "\xE2\x80\xB9");  // single guillemets: players read <i> and the like
    body = replaced(std::move(body), ">", "\xE2\x80\xBA");
    body = replaced(std::move(body), "{", "(");  // and {\an8}
    body = replaced(std::move(body), "}", ")");
    out += fmt::format("{}\n{} --> {}\n{}\n\n", ++number, clock(cue.start, ','), clock(cue.end, ','), body);
  }
  return out;
}

std::string to_webvtt(std::span<const SubtitleCue> cues) {
  std::string out = "WEBVTT\n\n";
  for (const SubtitleCue& cue : cues) {
    std::string body = cue_body(cue.text);
    if (body.empty()) continue;
    body = replaced(std::move(body), "&", "&amp;");
    body = replaced(std::move(body), "<", "&lt;");
    body = replaced(std::move(body), ">", "&gt;");
    out += fmt::format("{} --> {}\n{}\n\n", clock(cue.start, '.'), clock(cue.end, '.'), body);
  }
  return out;
}

}  // namespace zoetrope
