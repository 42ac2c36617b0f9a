// Speech from text, by espeak-ng run as a program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "media/sound.h"
#include "media/subtitles.h"

namespace zoetrope {

struct NarratorSettings {
  std::string voice;  // espeak-ng's: a name, file or language, also with a variant ("en-us+f3"); empty: by
  std::string language = "en";  // the language: a code as in `espeak-ng --voices`
  int words_per_minute = 160;   // 80 to 450
  double timeout_seconds = 60;  // for one sentence
  std::string program = "espeak-ng";
};

struct Narration {
  Sound sound;                        // 48 kHz, mono, at -20 dBFS RMS with peaks at -1 dBFS or below
  std::vector<SpokenText> sentences;  // when each is heard, in seconds from the beginning of the sound
};

constexpr size_t kMostNarrationBytes = 20'000;

class Narrator {
 public:
  // Throws InputError where the program is missing (naming --no-narration) or has no such voice (naming
  // some).
  explicit Narrator(NarratorSettings settings);

  // The same text gives the same samples. Control characters are white space; markup has no meaning. A text
  // without a letter or digit gives no sound. Throws InputError where the text is too long or the program
  // fails.
  Narration speak(std::string_view text) const;

  // "espeak-ng 1.51": part of what an artefact depends on.
  const std::string& version() const { return version_; }

 private:
  Sound speak_sentence(const std::string& sentence) const;
  void find_version();
  void find_voice();

  NarratorSettings settings_;
  std::string voice_;  // what -v gets
  std::string version_;
};

}  // namespace zoetrope
