// Decoded segments on disk, lossless: FFV1 in Matroska, which any player shows, followed by a checksum of the
// whole, which Matroska readers skip.
#pragma once

#include <cstdint>
#include <memory>

#include "base/file.h"
#include "media/picture.h"
#include "media/video_writer.h"

namespace zoetrope {

// Every frame is kept bit for bit. The file appears by finish(), whole; without it nothing is left. Same
// frames, same bytes. Throws InputError naming the file when it can't be written.
class SegmentWriter {
 public:
  SegmentWriter(const fs::path& path, int width, int height, FrameRate frame_rate);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;
  void add_frame(const Picture& frame);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Opening checks the checksum of the whole file, so that a truncated or changed one is an InputError before
// the first frame. Holds one frame at a time.
class SegmentReader {
 public:
  explicit SegmentReader(const fs::path& path);
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  int width() const;
  int height() const;
  int64_t frames() const;
  FrameRate frame_rate() const;
  // The next frame; false after the last.
  bool next(Picture& frame);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zoetrope
