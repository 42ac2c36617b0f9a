#include "media/narration.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "media/plain_text.h"
#include "media/run_program.h"

namespace zoetrope {
namespace {

constexpr int kRate = 48000;
// A minute and a half of speech at 22 kHz for each of a text's thousand bytes would still fit.
constexpr size_t kMostSpeechBytes = 256u << 20;
constexpr std::string_view kWithout = "or go without with --no-narration";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// One line of `espeak-ng --voices`: priority, language, age/gender, name, file, then other languages with
// priorities in brackets.
struct Voice {
  std::string language, name, file;
  std::vector<std::string> others;
};

std::vector<Voice> parse_voices(const std::string& table) {
  std::vector<Voice> out;
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line) && out.size() < 10000) {
    std::istringstream words(line);
    std::string priority, gender, word;
    Voice voice;
    if (!(words >> priority >> voice.language >> gender >> voice.name >> voice.file)) continue;
    while (words >> word)
      if (const size_t open = word.find('('); open != std::string::npos)  // "(zh-cmn 5)(zh 5)"
        voice.others.push_back(word.substr(open + 1));
    out.push_back(std::move(voice));
  }
  return out;
}

// espeak-ng speaks "[[...]]" as phonemes, and a lone '<' or '&' may begin markup in some of its versions.
std::string speakable(std::string_view text) {
  std::string out;
  for (char c : one_line(text)) {
    if (c == '[' || c == ']' || c == '{' || c == '}')
      out += c == '[' || c == '{' ? '(' : ')';
    else if (c == '<' || c == '>' || c == '|' || c == '\\')
      out += ' ';
    else
      out += c;
  }
  return one_line(out);
}

bool is_voiced(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c >= 0x80; });
}

// The end of what is heard, in samples: after it everything is below -60 dBFS.
size_t end_of_speech(const Sound& sound) {
  size_t end = sound.samples.size();
  while (end > 0 && std::fabs(sound.samples[end - 1]) < 1e-3f) --end;
  return end;
}

}  // namespace

Narrator::Narrator(NarratorSettings settings) : settings_(std::move(settings)) {
  if (settings_.words_per_minute < 80 || settings_.words_per_minute > 450)
    throw InputError("a narrator speaks 80 to 450 words a minute, not " +
                     std::to_string(settings_.words_per_minute));
  find_version();
  find_voice();
}

void Narrator::find_version() {
  const ProgramResult result = run_program({settings_.program, "--version"}, {}, 10, 1 << 16);
  if (!result.started)
    throw InputError("the narrator's program can't be run: " + result.reason, settings_.program,
                     "install the package espeak-ng, " + std::string(kWithout));
  // "eSpeak NG text-to-speech: 1.51  Data at: ..."
  const size_t colon = result.output.find(": ");
  const size_t end = result.output.find_first_of(" \n", colon == std::string::npos ? 0 : colon + 2);
  if (result.exit_code != 0 || colon == std::string::npos || end == std::string::npos)
    throw InputError("is not a working espeak-ng", settings_.program,
                     "install the package espeak-ng, " + std::string(kWithout));
  version_ = "espeak-ng " + printable(result.output.substr(colon + 2, end - colon - 2), 40);
}

void Narrator::find_voice() {
  const bool by_language = settings_.voice.empty();
  const std::string wanted = by_language ? settings_.language : settings_.voice;
  const std::string field = by_language ? "--language" : "--voice";
  const ProgramResult result = run_program({settings_.program, "--voices"}, {}, 10, 1 << 20);
  const std::vector<Voice> voices = parse_voices(result.output);
  if (voices.empty())
    throw InputError("lists no voices", settings_.program,
                     "install the package espeak-ng-data, " + std::string(kWithout));
  const size_t plus = wanted.find('+');
  const std::string base = lower(wanted.substr(0, plus));
  // By language or file the program finds a voice itself, by its own order of preference; by a name only
  // where the name has no brackets, so that it gets the file instead.
  auto is_code = [&](const Voice& voice) {
    return base == lower(voice.language) || base == lower(voice.file) ||
           std::any_of(voice.others.begin(), voice.others.end(),
                       [&](const auto& o) { return base == lower(o); });
  };
  auto is_name = [&](const Voice& voice) {
    std::string spoken = voice.name;
    std::replace(spoken.begin(), spoken.end(), '_', ' ');
    return base == lower(voice.name) || base == lower(spoken);
  };
  const std::string variant = plus == std::string::npos ? std::string() : wanted.substr(plus + 1);
  if (!base.empty() && std::any_of(voices.begin(), voices.end(), is_code)) voice_ = wanted;
  const auto named = std::find_if(voices.begin(), voices.end(), is_name);
  if (voice_.empty() && !base.empty() && named != voices.end())
    voice_ = named->file + (plus == std::string::npos ? "" : wanted.substr(plus));
  if (!voice_.empty()) {
    if (plus == std::string::npos) return;
    const ProgramResult variants = run_program({settings_.program, "--voices=variant"}, {}, 10, 1 << 20);
    for (const Voice& voice : parse_voices(variants.output))
      if (voice.file == "!v/" + variant || voice.name == variant) return;
    throw InputError("there is no voice variant '" + variant + "'", field,
                     "`espeak-ng --voices=variant` lists them, for example m3, f2 and whisper");
  }
  std::vector<std::string> names;
  for (const Voice& voice : voices) names.push_back(voice.language);
  throw InputError("there is no voice '" + wanted + "'", field,
                   "`espeak-ng --voices` lists them: " + join_first(names) + "; " + std::string(kWithout));
}

Sound Narrator::speak_sentence(const std::string& sentence) const {
  const std::vector<std::string> arguments = {settings_.program,
                                              "--stdin",
                                              "--stdout",
                                              "-b",
                                              "1",
                                              "-v",
                                              voice_,
                                              "-s",
                                              std::to_string(settings_.words_per_minute)};
  const ProgramResult result = run_program(arguments, sentence, settings_.timeout_seconds, kMostSpeechBytes);
  if (!result.started)
    throw InputError("the narrator's program can't be run: " + result.reason, settings_.program,
                     "install the package espeak-ng, " + std::string(kWithout));
  const std::string remedy = "try another --voice, " + std::string(kWithout);
  if (result.timed_out)
    throw InputError("did not finish within " + std::to_string(std::lround(settings_.timeout_seconds)) + " s",
                     settings_.program, remedy);
  if (result.flooded || result.exit_code != 0)
    throw InputError("failed to speak '" + printable(sentence, 60) + "'", settings_.program, remedy);
  if (result.output.empty()) return {kRate, 1, {}};  // nothing in it that the voice can say
  // A pipe's WAV header can't know the length.
  return resample(parse_wav(result.output, settings_.program + "'s output", true), kRate, 1);
}

Narration Narrator::speak(std::string_view text) const {
  if (text.size() > kMostNarrationBytes)
    throw InputError("a narration of " + std::to_string(text.size()) + " bytes is too long", "narration",
                     "at most " + std::to_string(kMostNarrationBytes) + " are spoken in one shot");
  Narration out;
  out.sound.rate = kRate;
  out.sound.channels = 1;
  for (const std::string& sentence : split_sentences(text)) {
    const std::string spoken = speakable(sentence);
    if (!is_voiced(spoken)) continue;
    const Sound sound = speak_sentence(spoken);
    const double start = out.sound.seconds();
    out.sentences.push_back({start, start + static_cast<double>(end_of_speech(sound)) / kRate, sentence});
    out.sound.samples.insert(out.sound.samples.end(), sound.samples.begin(), sound.samples.end());
  }
  normalise_loudness(out.sound);
  limit_peaks(out.sound);
  return out;
}

}  // namespace zoetrope
