#include "media/segment_store.h"

#include <gmock/gmock.h>

#include "media/media_testing.h"

namespace zoetrope {
namespace {

using ::testing::HasSubstr;

void write_segment(const fs::path& path, int width, int height, int frames) {
  SegmentWriter writer(path, width, height, {16, 1});
  for (int i = 0; i < frames; ++i) writer.add_frame(moving_frame(width, height, i));
  writer.finish();
}

TEST(SegmentStore, GivesEveryFrameBackBitForBit) {
  const ScratchFolder folder;
  for (const auto& [width, height] : {std::pair{192, 112}, std::pair{67, 33}, std::pair{16, 16}}) {
    const fs::path path = folder / "s.mkv";
    write_segment(path, width, height, 9);
    SegmentReader reader(path);
    EXPECT_EQ(reader.width(), width);
    EXPECT_EQ(reader.height(), height);
    EXPECT_EQ(reader.frames(), 9);
    EXPECT_EQ(reader.frame_rate().numerator, 16);
    Picture frame;
    for (int i = 0; i < 9; ++i) {
      ASSERT_TRUE(reader.next(frame));
      EXPECT_EQ(frame, moving_frame(width, height, i)) << i;
    }
    EXPECT_FALSE(reader.next(frame));
  }
  EXPECT_EQ(folder.files(), 1u);
}

TEST(SegmentStore, KeepsNoiseAndExtremes) {
  const ScratchFolder folder;
  Picture noise(64, 48);
  uint32_t random = 5;
  for (uint8_t& v : noise.rgb)
    random = random * 1664525u + 1013904223u, v = random & 0x10000 ? (random >> 24) : (random >> 31) * 255;
  {
    SegmentWriter writer(folder / "s.mkv", 64, 48, {24000, 1001});
    writer.add_frame(noise);
    writer.finish();
  }
  SegmentReader reader(folder / "s.mkv");
  Picture back;
  ASSERT_TRUE(reader.next(back));
  EXPECT_EQ(back, noise);
  EXPECT_EQ(reader.frame_rate().denominator, 1001);
}

TEST(SegmentStore, SameFramesSameBytes) {
  const ScratchFolder folder;
  write_segment(folder / "a.mkv", 96, 64, 5);
  write_segment(folder / "b.mkv", 96, 64, 5);
  EXPECT_EQ(read_file(folder / "a.mkv", 1 << 24), read_file(folder / "b.mkv", 1 << 24));
}

TEST(SegmentStore, RefusesEveryTruncationAndChange) {
  const ScratchFolder folder;
  write_segment(folder / "s.mkv", 64, 48, 3);
  const std::string whole = read_file(folder / "s.mkv", 1 << 24);
  const fs::path path = folder / "t.mkv";
  for (size_t length : {size_t{0}, size_t{1}, size_t{100}, size_t{101}, whole.size() / 2, whole.size() - 101,
                        whole.size() - 1}) {
    write_file_atomically(path, std::string_view(whole).substr(0, length));
    EXPECT_THAT(input_error([&] { SegmentReader reader(path); }), HasSubstr("t.mkv")) << length;
  }
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 97) {
    std::string changed = whole;
    changed[at] ^= 0x10;
    write_file_atomically(path, changed);
    EXPECT_THROW(SegmentReader reader(path), InputError) << at;
  }
}

// A file with a right checksum, but another content: the checksum is no secret.
TEST(SegmentStore, SurvivesAForgedChecksum) {
  const ScratchFolder folder;
  write_segment(folder / "s.mkv", 64, 48, 3);
  const std::string whole = read_file(folder / "s.mkv", 1 << 24);
  int refused = 0;
  for (size_t at = 0; at < whole.size() - 101; at += 1 + whole.size() / 199) {
    std::string changed = whole.substr(0, whole.size() - 64);
    changed[at] ^= 0x55;
    changed += sha256_of(changed);
    write_file_atomically(folder / "t.mkv", changed);
    try {
      SegmentReader reader(folder / "t.mkv");
      Picture frame;
      while (reader.next(frame)) EXPECT_EQ(frame.width, 64);
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(SegmentStore, LeavesNothingBehindWithoutFinish) {
  const ScratchFolder folder;
  {
    SegmentWriter writer(folder / "s.mkv", 64, 48, {16, 1});
    writer.add_frame(moving_frame(64, 48, 0));
  }
  EXPECT_EQ(folder.files(), 0u);
}

TEST(SegmentStore, FullDiskIsAnErrorThatLeavesNothing) {
  const ScratchFolder folder;
  const std::string message = input_error([&] {
    const SmallDisk disk(100'000);
    write_segment(folder / "s.mkv", 256, 192, 40);
  });
  EXPECT_THAT(message, HasSubstr("s.mkv"));
  EXPECT_THAT(message, HasSubstr("cannot be written"));
  EXPECT_EQ(folder.files(), 0u);
}

}  // namespace
}  // namespace zoetrope
