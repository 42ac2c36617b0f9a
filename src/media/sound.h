// Sound as float samples: WAV files, resampling, mixing, loudness.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace zoetrope {

// samples is (length, channels), interleaved, nominally in [-1, 1].
struct Sound {
  int rate = 48000;  // samples per second
  int channels = 1;
  std::vector<float> samples;

  size_t length() const { return samples.size() / static_cast<size_t>(channels); }
  double seconds() const { return static_cast<double>(length()) / rate; }
};

// RIFF WAVE: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64; one or two channels; 1,000 to 384,000 Hz; at
// most an hour. Everything is checked before it is allocated; a damaged file is an InputError naming it.
// `streamed`: the declared lengths are those of a pipe, whose writer did not know them, and the data go on to
// the end.
Sound read_wav(const fs::path& path);
Sound parse_wav(std::string_view bytes, const std::string& where, bool streamed = false);

// 16-bit PCM, rounded; values outside [-1, 1] are cut.
std::string encode_wav(const Sound& sound);

// To another rate and number of channels (mono to stereo: both the same; stereo to mono: the mean).
Sound resample(const Sound& sound, int rate, int channels);

struct PlacedSound {
  double start = 0;  // seconds from the beginning of the track
  const Sound* sound = nullptr;
};
// A track of exactly llround(seconds * rate) samples: silence with the sounds added where they belong. They
// must have the track's rate and channels. What reaches past the end is cut, with a fade of 5 ms.
Sound mix(std::span<const PlacedSound> sounds, double seconds, int rate = 48000, int channels = 1);

// Scales to a loudness: the RMS in dBFS over the blocks of 400 ms that are not silent (within 30 dB of the
// loudest). The gain is at most 20 dB; silence stays silence.
void normalise_loudness(Sound& sound, double rms_db = -20);

// Keeps every |sample| at or below the ceiling by turning the gain down 5 ms ahead of a peak and up again
// over 100 ms. Samples that are not finite become 0. Quiet sound is left bit for bit.
void limit_peaks(Sound& sound, double ceiling_db = -1);

}  // namespace zoetrope
