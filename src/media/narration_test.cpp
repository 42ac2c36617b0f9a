#include "media/narration.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>

#include "media/media_testing.h"
#include "media/run_program.h"

namespace zoetrope {
namespace {

using ::testing::HasSubstr;

// A stand-in that answers the questions of the constructor and speaks by `body`.
fs::path fake_program(const ScratchFolder& folder, const std::string& body) {
  const fs::path path = folder / "espeak-fake";
  write_file_atomically(
      path,
      "#!/bin/sh\ncase \"$1\" in\n"
      "--version) echo 'eSpeak NG text-to-speech: 9.9  Data at: x'; exit 0;;\n"
      "--voices) printf 'Pty Language Age VoiceName File Other\\n 5 en --/M English gmw/en\\n'; exit 0;;\n"
      "esac\n" +
          body + "\n");
  ::chmod(path.c_str(), 0755);
  return path;
}

class EspeakTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!run_program({"espeak-ng", "--version"}, {}, 10, 1 << 16).started)
      GTEST_SKIP() << "espeak-ng is not installed: the narration can't be tested here";
  }
};

double level(const Sound& sound) {
  double sum = 0;
  for (float v : sound.samples) sum += v * v;
  return std::sqrt(sum / static_cast<double>(sound.samples.size()));
}

TEST_F(EspeakTest, SpeaksTheSameTextInTheSameSamples) {
  const Narrator narrator{NarratorSettings{}};
  EXPECT_THAT(narrator.version(), HasSubstr("espeak-ng 1."));
  const std::string text = "The polar bear cub crosses the ice. It looks for its mother!";
  const Narration a = narrator.speak(text), b = narrator.speak(text);
  EXPECT_EQ(a.sound.samples, b.sound.samples);
  EXPECT_EQ(a.sound.rate, 48000);
  EXPECT_GT(a.sound.seconds(), 2.5);
  EXPECT_LT(a.sound.seconds(), 8);
  EXPECT_GT(level(a.sound), 0.03);
  ASSERT_EQ(a.sentences.size(), 2u);
  EXPECT_EQ(a.sentences[0].text, "The polar bear cub crosses the ice.");
  EXPECT_LT(a.sentences[0].end, a.sentences[1].start);
  EXPECT_LE(a.sentences[1].end, a.sound.seconds());
}

TEST_F(EspeakTest, TakesAnyTextAsText) {
  const Narrator narrator{NarratorSettings{}};
  const ScratchFolder folder;
  const double plain = narrator.speak("hello there").sound.seconds();
  const std::string option = "-w " + (folder / "x.wav").string() + " hello";
  EXPECT_GT(narrator.speak(option).sound.seconds(), plain);
  EXPECT_GT(narrator.speak("--version").sound.seconds(), 0.2);
  EXPECT_GT(narrator.speak("$(touch " + (folder / "y").string() + "); `id`").sound.seconds(), 0.2);
  EXPECT_EQ(folder.files(), 0u);
  EXPECT_NEAR(narrator.speak(std::string("hello\0there", 11)).sound.seconds(), plain, 1e-9);
  EXPECT_NEAR(narrator.speak("hello\x1b\n\tthere").sound.seconds(), plain, 1e-9);
  EXPECT_GT(narrator.speak("[[h@l'oU]] <speak>bear</speak> \xFF\xC0").sound.seconds(), 0.2);
  EXPECT_EQ(narrator.speak("").sound.samples.size(), 0u);
  EXPECT_EQ(narrator.speak(" ... !? ").sound.samples.size(), 0u);
  EXPECT_EQ(narrator.speak("\n\n").sentences.size(), 0u);
  EXPECT_THAT(input_error([&] { narrator.speak(std::string(kMostNarrationBytes + 1, 'a')); }),
              HasSubstr("too long"));
}

TEST_F(EspeakTest, KnowsItsVoices) {
  for (const char* voice : {"en-us", "en-US", "English_(America)", "de", "gmw/en-US", "en-us+f3", "zh"}) {
    NarratorSettings settings;
    settings.voice = voice;
    EXPECT_GT(Narrator(settings).speak("bear").sound.seconds(), 0.1) << voice;
  }
  for (const char* voice : {"nosuch", "../../../etc/passwd", "-w", "en+nosuch", "\x1b[31m", "+f3"}) {
    NarratorSettings settings;
    settings.voice = voice;
    const std::string message = input_error([&] { Narrator narrator(settings); });
    EXPECT_THAT(message, HasSubstr("--voice")) << voice;
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
  }
  NarratorSettings settings;
  settings.language = "klingon-moon";
  const std::string message = input_error([&] { Narrator narrator(settings); });
  EXPECT_THAT(message, HasSubstr("--language"));
  EXPECT_THAT(message, HasSubstr("af, am, "));
}

TEST(Narrator, NamesTheWayOutWhereTheProgramIsMissing) {
  NarratorSettings settings;
  settings.program = "espeak-ng-that-is-not-there";
  const std::string message = input_error([&] { Narrator narrator(settings); });
  EXPECT_THAT(message, HasSubstr("--no-narration"));
  EXPECT_THAT(message, HasSubstr("espeak-ng-that-is-not-there"));
}

TEST(Narrator, EndsAProgramThatHangsFailsOrTalksNonsense) {
  const ScratchFolder folder;
  NarratorSettings settings;
  settings.timeout_seconds = 0.3;
  settings.program = fake_program(folder, "sleep 60").string();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(input_error([&] { Narrator(settings).speak("hello"); }), HasSubstr("did not finish"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  settings.timeout_seconds = 10;
  settings.program = fake_program(folder, "echo secret >&2; exit 7").string();
  const std::string failed = input_error([&] { Narrator(settings).speak("hello"); });
  EXPECT_THAT(failed, HasSubstr("failed to speak 'hello'"));
  EXPECT_EQ(failed.find("secret"), std::string::npos);
  settings.program = fake_program(folder, "echo this is no sound").string();
  EXPECT_THAT(input_error([&] { Narrator(settings).speak("hello"); }), HasSubstr("not a WAV"));
  settings.program = fake_program(folder, "kill -9 $$").string();
  EXPECT_THAT(input_error([&] { Narrator(settings).speak("hello"); }), HasSubstr("failed to speak"));
}

TEST(RunProgram, GivesInputTakesOutputAndBoundsBoth) {
  const std::string input(300'000, 'x');
  const ProgramResult copied = run_program({"cat"}, input, 10, 1 << 20);
  EXPECT_EQ(copied.output, input);
  EXPECT_EQ(copied.exit_code, 0);
  const ProgramResult flood = run_program({"yes"}, {}, 10, 1 << 20);
  EXPECT_TRUE(flood.flooded);
  EXPECT_LT(flood.output.size(), size_t{2} << 20);
  const ProgramResult unread = run_program({"true"}, input, 10, 100);
  EXPECT_EQ(unread.exit_code, 0);
  // One that closes its output and stays.
  const ProgramResult silent = run_program({"sh", "-c", "exec >&- 2>&-; sleep 30"}, {}, 0.3, 100);
  EXPECT_TRUE(silent.timed_out);
  EXPECT_FALSE(run_program({"/"}, {}, 1, 100).started);
  EXPECT_EQ(run_program({"printf", "%s", "$HOME;`id`"}, {}, 10, 1000).output, "$HOME;`id`");
}

}  // namespace
}  // namespace zoetrope
