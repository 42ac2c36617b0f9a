#include "media/sound.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <optional>

#include "base/error.h"
#include "media/libav.h"

namespace zoetrope {
namespace {

constexpr double kMostSeconds = 3600;
constexpr uint64_t kMostWavBytes = 1u << 30;

double from_db(double db) { return std::pow(10.0, db / 20); }

uint32_t le(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return value;
}

[[noreturn]] void bad_wav(const std::string& where, const std::string& what) {
  throw InputError(what, where, "save the sound again as WAV with 16 bits a sample");
}

struct WavFormat {
  bool is_float = false;
  int channels = 0, rate = 0, bits = 0;
};

WavFormat parse_format(std::string_view chunk, const std::string& where) {
  if (chunk.size() < 16) bad_wav(where, "has a malformed WAV header");
  uint32_t tag = le(chunk, 0, 2);
  if (tag == 0xFFFE && chunk.size() >= 26)
    tag = le(chunk, 24, 2);  // extensible: the sub-format's first bytes
  const uint32_t channels = le(chunk, 2, 2), rate = le(chunk, 4, 4), align = le(chunk, 12, 2),
                 bits = le(chunk, 14, 2);
  if (tag != 1 && tag != 3) bad_wav(where, "is a compressed WAV, which is not read");
  if (channels < 1 || channels > 2)
    bad_wav(where, "has " + std::to_string(channels) + " channels; one or two are read");
  if (rate < 1000 || rate > 384000)
    bad_wav(where, "declares " + std::to_string(rate) + " samples a second; 1,000 to 384,000 are read");
  const bool known =
      tag == 3 ? bits == 32 || bits == 64 : bits == 8 || bits == 16 || bits == 24 || bits == 32;
  if (!known || align != channels * bits / 8)
    bad_wav(where, "has " + std::to_string(bits) + " bits a sample, which is not read");
  return {tag == 3, static_cast<int>(channels), static_cast<int>(rate), static_cast<int>(bits)};
}

float decode_sample(std::string_view data, size_t at, const WavFormat& format) {
  const size_t bytes = static_cast<size_t>(format.bits) / 8;
  if (format.bits == 64) {
    double value;
    std::memcpy(&value, data.data() + at, 8);
    return static_cast<float>(value);
  }
  const uint32_t raw = le(data, at, bytes);
  if (format.is_float) return std::bit_cast<float>(raw);
  if (format.bits == 8) return (static_cast<float>(raw) - 128) / 128;
  // Moved to the top of 32 bits, so that the sign is in place.
  const auto value = static_cast<int32_t>(raw << (32 - format.bits));
  return static_cast<float>(value / 2147483648.0);
}

}  // namespace

Sound parse_wav(std::string_view bytes, const std::string& where, bool streamed) {
  if (bytes.size() < 12 || bytes.substr(0, 4) != "RIFF" || bytes.substr(8, 4) != "WAVE")
    bad_wav(where, "is not a WAV file");
  std::optional<WavFormat> format;
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const std::string_view type = bytes.substr(at, 4);
    const uint32_t declared = le(bytes, at + 4, 4);
    at += 8;
    const bool is_data = type == "data";
    const size_t length = is_data && streamed ? bytes.size() - at : declared;
    if (length > bytes.size() - at) bad_wav(where, "declares more data than it has");
    const std::string_view chunk = bytes.substr(at, length);
    if (type == "fmt ") format = parse_format(chunk, where);
    if (is_data) {
      if (!format) bad_wav(where, "has data before its format");
      const size_t sample_bytes = static_cast<size_t>(format->bits) / 8;
      const size_t frames = length / (sample_bytes * static_cast<size_t>(format->channels));
      if (static_cast<double>(frames) / format->rate > kMostSeconds)
        bad_wav(where, "lasts longer than an hour, which is the most that is read");
      Sound out{format->rate, format->channels, {}};
      out.samples.resize(frames * static_cast<size_t>(format->channels));
      for (size_t i = 0; i < out.samples.size(); ++i) {
        const float value = decode_sample(chunk, i * sample_bytes, *format);
        out.samples[i] = std::isfinite(value) ? value : 0.0f;
      }
      return out;
    }
    at += length + (length & 1);
  }
  bad_wav(where, "is a WAV without data");
}

Sound read_wav(const fs::path& path) { return parse_wav(read_file(path, kMostWavBytes), path.string()); }

std::string encode_wav(const Sound& sound) {
  std::string out;
  auto put = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  };
  const auto data = static_cast<uint32_t>(sound.samples.size() * 2);
  const auto channels = static_cast<uint32_t>(sound.channels), rate = static_cast<uint32_t>(sound.rate);
  out += "RIFF";
  put(36 + data, 4);
  out += "WAVEfmt ";
  put(16, 4), put(1, 2), put(channels, 2), put(rate, 4), put(rate * channels * 2, 4), put(channels * 2, 2),
      put(16, 2);
  out += "data";
  put(data, 4);
  for (float sample : sound.samples) {
    const float kept = std::isfinite(sample) ? std::clamp(sample, -1.0f, 1.0f) : 0.0f;
    put(static_cast<uint32_t>(static_cast<int32_t>(std::lround(kept * 32767.0f))), 2);
  }
  return out;
}

Sound resample(const Sound& sound, int rate, int channels) {
  if (sound.channels < 1 || sound.channels > 2 || channels < 1 || channels > 2 || sound.rate < 1 || rate < 1)
    throw InternalError("resample: rate or channels out of range");
  if (sound.rate == rate && sound.channels == channels) return sound;
  redirect_libav_log();
  AVChannelLayout from{}, to{};
  av_channel_layout_default(&from, sound.channels);
  av_channel_layout_default(&to, channels);
  SwrContext* raw = nullptr;
  if (swr_alloc_set_opts2(&raw, &to, AV_SAMPLE_FMT_FLT, rate, &from, AV_SAMPLE_FMT_FLT, sound.rate, 0,
                          nullptr) < 0)
    throw std::bad_alloc();
  auto resampler = own(raw);
  av_opt_set_double(raw, "rematrix_maxval", 1.0, 0);
  if (channels == 2 && sound.channels == 1) {
    const double both[2] = {1.0, 1.0};  // the default would lower each by 3 dB
    swr_set_matrix(raw, both, 1);
  } else if (channels == 1 && sound.channels == 2) {
    const double mean[2] = {0.5, 0.5};
    swr_set_matrix(raw, mean, 2);
  }
  if (swr_init(raw) < 0) throw InternalError("resample: the resampler does not open");
  const auto wanted =
      static_cast<size_t>(std::llround(static_cast<double>(sound.length()) * rate / sound.rate));
  Sound out{rate, channels, {}};
  // A little room: the filter may give some samples more, which are cut below.
  const int64_t room = static_cast<int64_t>(wanted) + 4096;
  out.samples.resize(static_cast<size_t>(room) * static_cast<size_t>(channels));
  int64_t done = 0;
  constexpr size_t kChunk = 1 << 16;
  for (size_t at = 0;; at += kChunk) {
    const size_t count = at < sound.length() ? std::min(kChunk, sound.length() - at) : 0;
    const auto* input =
        reinterpret_cast<const uint8_t*>(sound.samples.data() + at * static_cast<size_t>(sound.channels));
    auto* output = reinterpret_cast<uint8_t*>(out.samples.data() + done * channels);
    const int n = swr_convert(raw, &output, static_cast<int>(room - done), count ? &input : nullptr,
                              static_cast<int>(count));
    if (n < 0) throw InternalError("resample: failed");
    done += n;
    if (count == 0) break;
  }
  out.samples.resize(static_cast<size_t>(done) * static_cast<size_t>(channels));
  out.samples.resize(wanted * static_cast<size_t>(channels));
  return out;
}

Sound mix(std::span<const PlacedSound> sounds, double seconds, int rate, int channels) {
  if (!(seconds >= 0 && seconds <= kMostSeconds * 10)) throw InternalError("mix: length out of range");
  Sound out{rate, channels, {}};
  const int64_t length = std::llround(seconds * rate);
  out.samples.resize(static_cast<size_t>(length * channels));
  const int64_t fade = rate / 200;
  for (const PlacedSound& placed : sounds) {
    const Sound& sound = *placed.sound;
    if (sound.rate != rate || sound.channels != channels)
      throw InternalError("mix: a sound of another rate or number of channels");
    const int64_t start = std::llround(placed.start * rate);
    const int64_t whole = static_cast<int64_t>(sound.length());
    const int64_t kept = std::min(whole, length - start);
    for (int64_t i = std::max<int64_t>(0, -start); i < kept; ++i) {
      const float gain =
          kept < whole && kept - i < fade ? static_cast<float>(kept - i) / static_cast<float>(fade) : 1.0f;
      for (int c = 0; c < channels; ++c)
        out.samples[static_cast<size_t>((start + i) * channels + c)] +=
            gain * sound.samples[static_cast<size_t>(i * channels + c)];
    }
  }
  return out;
}

void normalise_loudness(Sound& sound, double rms_db) {
  const size_t block = static_cast<size_t>(sound.rate) * static_cast<size_t>(sound.channels) * 2 / 5;
  std::vector<double> powers;
  for (size_t at = 0; at < sound.samples.size(); at += block) {
    const size_t count = std::min(block, sound.samples.size() - at);
    double power = 0;
    for (size_t i = 0; i < count; ++i) power += double{sound.samples[at + i]} * sound.samples[at + i];
    powers.push_back(power / static_cast<double>(count));
  }
  const double loudest = powers.empty() ? 0 : *std::max_element(powers.begin(), powers.end());
  if (!(loudest > 1e-9) || !std::isfinite(loudest)) return;  // below -90 dBFS there is nothing to hear
  double sum = 0;
  int counted = 0;
  for (double power : powers) {
    if (power < loudest * 1e-3) continue;
    sum += power;
    ++counted;
  }
  const double gain = std::min(from_db(rms_db) / std::sqrt(sum / counted), from_db(20));
  for (float& sample : sound.samples) sample = static_cast<float>(sample * gain);
}

// The gain that each moment needs is spread over a window ahead of it: first the smallest within the window,
// then a slow rise, then the mean over the window. At a peak every value under the mean has seen that peak,
// so the product is at most the ceiling.
void limit_peaks(Sound& sound, double ceiling_db) {
  const auto channels = static_cast<size_t>(sound.channels);
  const size_t length = sound.length();
  const double ceiling = from_db(ceiling_db);
  std::vector<float> needed(length, 1.0f);
  bool any = false;
  for (size_t i = 0; i < length; ++i) {
    float peak = 0;
    for (size_t c = 0; c < channels; ++c) {
      float& sample = sound.samples[i * channels + c];
      if (!std::isfinite(sample)) sample = 0;
      peak = std::max(peak, std::fabs(sample));
    }
    if (peak > ceiling) {
      needed[i] = static_cast<float>(ceiling / peak);
      any = true;
    }
  }
  if (!any) return;
  const size_t window = std::max<size_t>(1, static_cast<size_t>(sound.rate) / 200);
  const double rise = 1 - std::exp(-1.0 / (0.1 * sound.rate));
  std::deque<size_t> smallest;  // indices of a rising run of `needed` within [i, i + window)
  std::deque<double> recent;
  double sum = 0, released = 1;
  for (size_t i = 0, ahead = 0; i < length; ++i) {
    for (; ahead < std::min(length, i + window); ++ahead) {
      while (!smallest.empty() && needed[smallest.back()] >= needed[ahead]) smallest.pop_back();
      smallest.push_back(ahead);
    }
    while (smallest.front() < i) smallest.pop_front();
    released = std::min<double>(needed[smallest.front()], released + (1 - released) * rise);
    if (i == 0)  // before the beginning the gain is as at the first moment
      for (size_t k = 1; k < window; ++k) recent.push_back(released), sum += released;
    recent.push_back(released);
    sum += released;
    const double gain = std::min(sum / static_cast<double>(window), 1.0);
    sum -= recent.front();
    recent.pop_front();
    for (size_t c = 0; c < channels; ++c) {
      float& sample = sound.samples[i * channels + c];
      // The running sum has rounding errors of 1e-12; the clamp keeps the promise to the last bit.
      sample = static_cast<float>(std::clamp(sample * gain, -ceiling, ceiling));
    }
  }
}

}  // namespace zoetrope
