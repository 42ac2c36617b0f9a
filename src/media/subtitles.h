// Subtitles: from what is spoken and when, to cues of at most two lines, to SRT and WebVTT.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace zoetrope {

// A stretch of speech whose times are known, usually a sentence. Seconds from the start of the video.
struct SpokenText {
  double start = 0, end = 0;
  std::string text;  // UTF-8; white space and line ends don't matter
};

// One subtitle on the screen: one or two lines, parted by '\n', of at most kSubtitleColumns columns.
struct SubtitleCue {
  double start = 0, end = 0;
  std::string text;
  bool operator==(const SubtitleCue&) const = default;
};

constexpr int kSubtitleColumns = 42;  // an East Asian wide character counts two
constexpr int kSubtitleLines = 2;

// Texts too long for one cue are parted, at sentences and clauses where there are any, and share the time by
// their lengths. Cues come in order, never overlap, and each lasts at least a millisecond. Text that is empty
// gives no cue.
std::vector<SubtitleCue> make_cues(std::span<const SpokenText> speech);

// File contents, UTF-8 with '\n'. Text that the format would take for its own syntax is escaped (WebVTT) or
// replaced by a look-alike (SRT has no escapes): "-->", tags, braces.
std::string to_srt(std::span<const SubtitleCue> cues);
std::string to_webvtt(std::span<const SubtitleCue> cues);

}  // namespace zoetrope
