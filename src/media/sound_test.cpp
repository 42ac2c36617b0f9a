#include "media/sound.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "media/media_testing.h"

namespace zoetrope {
namespace {

using ::testing::HasSubstr;

std::string le(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string wav(uint32_t tag, uint32_t channels, uint32_t rate, uint32_t bits, const std::string& data,
                uint32_t declared) {
  return "RIFF" + le(36 + declared, 4) + "WAVEfmt " + le(16, 4) + le(tag, 2) + le(channels, 2) + le(rate, 4) +
         le(rate * channels * bits / 8, 4) + le(channels * bits / 8, 2) + le(bits, 2) + "data" +
         le(declared, 4) + data;
}
std::string wav(uint32_t tag, uint32_t channels, uint32_t rate, uint32_t bits, const std::string& data) {
  return wav(tag, channels, rate, bits, data, static_cast<uint32_t>(data.size()));
}

Sound tone(double hertz, double amplitude, int rate, double seconds, int channels = 1) {
  Sound out{rate, channels, {}};
  for (int i = 0; i < static_cast<int>(rate * seconds); ++i)
    for (int c = 0; c < channels; ++c)
      out.samples.push_back(
          static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hertz * i / rate)));
  return out;
}

// The amplitude of one frequency, by projection.
double amplitude_at(const Sound& sound, double hertz, size_t from, size_t to) {
  double re = 0, im = 0;
  for (size_t i = from; i < to; ++i) {
    const double phase = 2 * std::numbers::pi * hertz * static_cast<double>(i) / sound.rate;
    re += sound.samples[i] * std::cos(phase);
    im += sound.samples[i] * std::sin(phase);
  }
  return 2 * std::hypot(re, im) / static_cast<double>(to - from);
}

TEST(Wav, ReadsEverySampleFormat) {
  const std::vector<float> expected = {0.0f, 0.5f, -0.5f, -1.0f};
  EXPECT_EQ(parse_wav(wav(1, 1, 8000, 8, std::string("\x80\xC0\x40\x00", 4)), "x").samples, expected);
  EXPECT_EQ(
      parse_wav(wav(1, 1, 8000, 16, le(0, 2) + le(0x4000, 2) + le(0xC000, 2) + le(0x8000, 2)), "x").samples,
      expected);
  EXPECT_EQ(
      parse_wav(wav(1, 1, 8000, 24, le(0, 3) + le(0x400000, 3) + le(0xC00000, 3) + le(0x800000, 3)), "x")
          .samples,
      expected);
  EXPECT_EQ(
      parse_wav(wav(1, 2, 8000, 32, le(0, 4) + le(0x40000000, 4) + le(0xC0000000, 4) + le(0x80000000, 4)),
                "x")
          .samples,
      expected);
  std::string floats(16, '\0'), doubles;
  std::memcpy(floats.data(), expected.data(), 16);
  for (double v : {0.0, 0.5, -0.5, std::numeric_limits<double>::quiet_NaN()})
    doubles += std::string(reinterpret_cast<const char*>(&v), 8);
  EXPECT_EQ(parse_wav(wav(3, 1, 8000, 32, floats), "x").samples, expected);
  EXPECT_EQ(parse_wav(wav(3, 1, 8000, 64, doubles), "x").samples, (std::vector<float>{0, 0.5, -0.5, 0}));
}

TEST(Wav, WritesWhatItReads) {
  const Sound sound = tone(440, 0.7, 48000, 0.1, 2);
  const Sound back = parse_wav(encode_wav(sound), "x");
  ASSERT_EQ(back.samples.size(), sound.samples.size());
  EXPECT_EQ(back.channels, 2);
  for (size_t i = 0; i < back.samples.size(); ++i)
    EXPECT_NEAR(back.samples[i], sound.samples[i], 1.0 / 16384);
}

TEST(Wav, RefusesHostileHeaders) {
  const std::string data(64, '\0');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {wav(1, 1, 8000, 16, data, 0xFFFFFFFFu), "more data than it has"},
      {wav(1, 0, 8000, 16, data), "channels"},
      {wav(1, 65535, 8000, 16, data), "channels"},
      {wav(1, 1, 0, 16, data), "samples a second"},
      {wav(1, 1, 0x80000000u, 16, data), "samples a second"},
      {wav(1, 1, 8000, 0, data), "bits a sample"},
      {wav(1, 1, 8000, 12, data), "bits a sample"},
      {wav(85, 1, 8000, 16, data), "compressed"},
      {"RIFF" + le(4, 4) + "WAVE", "without data"},
      {"RIFF" + le(4, 4) + "WAVEdata" + le(4, 4) + "abcd", "before its format"},
      {"RIFF", "not a WAV"},
      {"", "not a WAV"}};
  for (const auto& [bytes, expected] : cases)
    EXPECT_THAT(input_error([&] { parse_wav(bytes, "a.wav"); }), HasSubstr(expected));
  EXPECT_EQ(parse_wav(wav(1, 1, 8000, 16, data, 0x7FFFF000u), "pipe", true).samples.size(), 32u);
  // Ten hours of silence, at 1,000 Hz and 8 bits.
  EXPECT_THAT(
      input_error([&] { parse_wav(wav(1, 1, 1000, 8, std::string(36'000'000, '\x80')), "long.wav"); }),
      HasSubstr("longer than an hour"));
  const ScratchFolder folder;
  write_file_atomically(folder / "b.wav", wav(1, 1, 8000, 16, data));
  EXPECT_EQ(read_wav(folder / "b.wav").samples.size(), 32u);
}

TEST(Wav, RefusesEveryTruncation) {
  const std::string whole = encode_wav(tone(440, 0.5, 8000, 0.01));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(parse_wav(whole.substr(0, length), "cut"), InputError) << length;
}

TEST(Resample, KeepsTonesAndLength) {
  const Sound in = tone(1000, 0.5, 22050, 1.0);
  const Sound out = resample(in, 48000, 1);
  EXPECT_EQ(out.length(), 48000u);
  EXPECT_NEAR(amplitude_at(out, 1000, 4800, 43200), 0.5, 0.005);
  EXPECT_LT(amplitude_at(out, 21050, 4800, 43200), 0.005);  // the mirror image
  const Sound stereo = resample(in, 48000, 2);
  EXPECT_EQ(stereo.length(), 48000u);
  for (size_t i = 0; i < 48000; i += 97) {
    EXPECT_NEAR(stereo.samples[2 * i], out.samples[i], 1e-5);
    EXPECT_EQ(stereo.samples[2 * i], stereo.samples[2 * i + 1]);
  }
  const Sound down = resample(tone(1000, 0.5, 48000, 1.0, 2), 16000, 1);
  EXPECT_EQ(down.length(), 16000u);
  EXPECT_NEAR(amplitude_at(down, 1000, 1600, 14400), 0.5, 0.005);
  EXPECT_EQ(resample(in, 48000, 1).samples, out.samples);
  EXPECT_EQ(resample(Sound{22050, 1, {}}, 48000, 1).length(), 0u);
}

TEST(Mix, PlacesSoundsAndCutsAtTheEnd) {
  const Sound ones{48000, 1, std::vector<float>(48000, 0.25f)};
  const PlacedSound placed[] = {{0.5, &ones}, {1.0, &ones}, {2.5, &ones}, {-0.5, &ones}};
  const Sound track = mix(placed, 3.0);
  ASSERT_EQ(track.length(), 144000u);
  EXPECT_EQ(track.samples[23999], 0.25f);  // the one that began before the track
  EXPECT_EQ(track.samples[24000], 0.25f);  // the first
  EXPECT_EQ(track.samples[48000], 0.5f);   // two at once
  EXPECT_EQ(track.samples[100000], 0.0f);  // silence
  EXPECT_EQ(track.samples[120000], 0.25f);
  EXPECT_LT(track.samples[143999], 0.01f);  // faded, for it is cut
  EXPECT_THROW(mix(std::vector<PlacedSound>{{0, &ones}}, 1, 44100), InternalError);
}

TEST(Limit, KeepsPeaksUnderTheCeilingAndTheRestAsItWas) {
  const double ceiling = std::pow(10.0, -1.0 / 20);
  Sound loud = tone(300, 0.5, 48000, 1.0);
  for (size_t i = 20000; i < 20400; ++i) loud.samples[i] *= 6;
  loud.samples[40000] = std::numeric_limits<float>::infinity();
  const Sound before = loud;
  limit_peaks(loud);
  for (float v : loud.samples) EXPECT_LE(std::fabs(v), ceiling + 1e-6);
  for (size_t i = 0; i < 19000; ++i) EXPECT_NEAR(loud.samples[i], before.samples[i], 1e-6);
  EXPECT_LT(amplitude_at(loud, 300, 20000, 20320), 0.9);
  EXPECT_GT(amplitude_at(loud, 300, 20000, 20320), 0.8);
  EXPECT_NEAR(amplitude_at(loud, 300, 46400, 48000), 0.5, 0.01);  // it has risen again
  Sound quiet = tone(300, 0.5, 48000, 0.5);
  const Sound same = quiet;
  limit_peaks(quiet);
  EXPECT_EQ(quiet.samples, same.samples);
}

TEST(Normalise, BringsSpeechToTheLevelAndLeavesSilence) {
  Sound sound = tone(300, 0.01, 48000, 1.2);
  sound.samples.resize(144000);  // two seconds of silence don't count
  normalise_loudness(sound, -26);
  EXPECT_NEAR(amplitude_at(sound, 300, 0, 48000), 0.0501 * std::sqrt(2.0), 1e-3);
  Sound faint = tone(300, 0.001, 48000, 1.0);
  normalise_loudness(faint, -20);
  EXPECT_NEAR(amplitude_at(faint, 300, 0, 48000), 0.01, 1e-4);  // at most 20 dB
  Sound silence{48000, 1, std::vector<float>(1000)};
  normalise_loudness(silence);
  EXPECT_EQ(silence.samples, std::vector<float>(1000));
  Sound nothing;
  normalise_loudness(nothing);
  limit_peaks(nothing);
}

}  // namespace
}  // namespace zoetrope
