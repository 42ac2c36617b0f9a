#include "media/picture.h"

#include <gmock/gmock.h>

#include <map>

#include "media/media_testing.h"
#include "media/picture_container.h"

namespace zoetrope {
namespace {

using ::testing::HasSubstr;

std::string bytes_of(const std::string& name) { return read_file(sample(name), 1 << 20); }

std::string be32(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}
std::string chunk(const std::string& type, const std::string& data) {
  return be32(static_cast<uint32_t>(data.size())) + type + data + be32(png_crc(type, data));
}
const std::string kSignature("\x89PNG\r\n\x1a\n", 8);
std::string header(uint32_t width, uint32_t height, char bits, char colour) {
  return chunk("IHDR", be32(width) + be32(height) + std::string{bits, colour, 0, 0, 0});
}

TEST(Picture, ResizesToPillowsBytes) {
  const Picture drawing = read_picture(sample("drawing.png"));
  ASSERT_EQ(drawing.width, 37);
  const std::map<std::string, Filter> filters = {{"box", Filter::box},
                                                 {"bilinear", Filter::bilinear},
                                                 {"bicubic", Filter::bicubic},
                                                 {"lanczos", Filter::lanczos}};
  for (const auto& [name, filter] : filters)
    EXPECT_EQ(resize(drawing, 17, 41, filter), read_picture(sample("drawing_17x41_" + name + ".png")))
        << name;
  EXPECT_EQ(resize(drawing, 64, 32), read_picture(sample("drawing_64x32_lanczos.png")));
  EXPECT_EQ(resize(drawing, 9, 5), read_picture(sample("drawing_9x5_lanczos.png")));
  EXPECT_EQ(resize(drawing, 37, 23), drawing);
}

TEST(Picture, CoverCropsTheMiddleAndStretchDoesNot) {
  const Picture drawing = read_picture(sample("drawing.png"));
  EXPECT_EQ(fit_to(drawing, 16, 16, Fit::cover), read_picture(sample("drawing_cover_16x16.png")));
  EXPECT_EQ(fit_to(drawing, 64, 32, Fit::stretch), read_picture(sample("drawing_64x32_lanczos.png")));
  EXPECT_EQ(fit_to(drawing, 74, 46, Fit::cover), resize(drawing, 74, 46));
  EXPECT_EQ(fit_from_name("cover"), Fit::cover);
  EXPECT_THROW(fit_from_name("contain"), UsageError);
  EXPECT_THROW(resize(drawing, 0, 5), InputError);
  EXPECT_THROW(resize(drawing, 5, 16385), InputError);
}

TEST(Picture, PngComesBackBitForBitAndIsTheSameTwice) {
  const Picture frame = moving_frame(61, 35, 2);
  const TextEntries text = {{"parameters", "a bear\nSteps: 3"}, {"zoetrope", "狐 {\"seed\": 7}"}};
  const std::string png = encode_png(frame, text);
  EXPECT_EQ(decode_picture(png, "x"), frame);
  EXPECT_EQ(png, encode_png(frame, text));
  EXPECT_THAT(png, HasSubstr(chunk("tEXt", std::string("parameters\0a bear\nSteps: 3", 26))));
  EXPECT_THAT(png, HasSubstr("iTXtzoetrope" + std::string(5, '\0') + "狐"));
  EXPECT_THROW(encode_png(frame, {{"", "x"}}), InternalError);
  const ScratchFolder folder;
  write_png(folder / "a.png", frame, text);
  EXPECT_EQ(read_picture(folder / "a.png"), frame);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Picture, ReadsTheColourTypesOfPng) {
  const Picture drawing = read_picture(sample("drawing.png"));
  EXPECT_EQ(read_picture(sample("alpha.png")), drawing);
  EXPECT_EQ(read_picture(sample("animated.png")), drawing);  // its first frame
  const Picture gray = read_picture(sample("gray.png"));
  EXPECT_EQ(gray.row(5)[9], gray.row(5)[10]);
  EXPECT_EQ(read_picture(sample("gray16.png")), gray);
  const Picture bits = read_picture(sample("bits.png"));
  for (uint8_t v : bits.rgb) ASSERT_TRUE(v == 0 || v == 255);
  EXPECT_EQ(read_picture(sample("palette.png")), read_picture(sample("palette_expected.png")));
}

TEST(Picture, ReadsJpegNearlyAsPillowDoes) {
  for (const char* name : {"444", "progressive"})
    EXPECT_LT(mean_difference(read_picture(sample(std::string(name) + ".jpg")),
                              read_picture(sample(std::string(name) + "_jpg_expected.png"))),
              1.0)
        << name;
  EXPECT_LT(mean_difference(read_picture(sample("420.jpg")), read_picture(sample("420_jpg_expected.png"))),
            1.0);
  EXPECT_EQ(read_picture(sample("gray.jpg")).width, 37);
}

TEST(Picture, TurnsAJpegAsItsExifSays) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string name = "turned_" + std::to_string(orientation);
    const Picture turned = read_picture(sample(name + ".jpg"));
    EXPECT_LT(mean_difference(turned, read_picture(sample(name + "_expected.png"))), 1.0) << name;
  }
}

TEST(Picture, ReadsWebp) {
  const Picture drawing = read_picture(sample("drawing.png"));
  EXPECT_EQ(read_picture(sample("lossless.webp")), drawing);
  EXPECT_EQ(read_picture(sample("alpha.webp")), drawing);
  EXPECT_LT(
      mean_difference(read_picture(sample("lossy.webp")), read_picture(sample("lossy_webp_expected.png"))),
      1.0);
  EXPECT_THAT(input_error([] { read_picture(sample("animated.webp")); }), HasSubstr("animated"));
}

TEST(Picture, RefusesSizesInTheHeaderBeforeDecoding) {
  const std::string tail = chunk("IDAT", "x") + chunk("IEND", "");
  for (const auto& [w, h] : std::vector<std::pair<uint32_t, uint32_t>>{{0x80000000u, 0x80000000u},
                                                                       {60000, 60000},
                                                                       {16385, 1},
                                                                       {1, 16385},
                                                                       {16384, 16384},
                                                                       {0, 5},
                                                                       {5, 0}}) {
    const std::string message =
        input_error([&] { decode_picture(kSignature + header(w, h, 1, 0) + tail, "bomb.png"); });
    EXPECT_THAT(message, HasSubstr("bomb.png"));
    EXPECT_THAT(message, HasSubstr("pixels"));
  }
  std::string jpeg = bytes_of("444.jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(input_error([&] { decode_picture(jpeg, "huge.jpg"); }), HasSubstr("65535 x 65535"));
  std::string webp = bytes_of("lossless.webp");
  const size_t stream = webp.find("VP8L") + 8;
  webp.replace(stream + 1, 4, "\xFF\xFF\xFF\x0F");
  EXPECT_THAT(input_error([&] { decode_picture(webp, "huge.webp"); }), HasSubstr("16384 x 16384"));
}

TEST(Picture, RefusesOtherTypesByContent) {
  const std::map<std::string, std::string> cases = {
      {"<?xml version='1.0'?><svg xmlns='x'/>", "SVG"},
      {"<!DOCTYPE html><script>alert(1)</script>", "HTML"},
      {"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\nfile:///etc/passwd\n", "playlist"},
      {"ffconcat version 1.0\nfile /etc/passwd\n", "not a picture"},
      {std::string("II*\0\x08\0\0\0", 8), "TIFF"},
      {std::string("MM\0*\0\0\0\x08", 8), "TIFF"},
      {std::string("\0\0\0\x0CjP  \r\n\x87\n", 12), "JPEG 2000"},
      {"GIF89a............", "GIF"},
      {std::string("RIFF\x20\0\0\0AVI LIST", 16), "not a picture"},
      {std::string("\0\0\0\x18"
                   "ftypmp42....",
                   16),
       "video"},
      {"%PDF-1.7", "PDF"},
      {"subfile,,start,0,end,0,,:/etc/passwd", "not a picture"},
      {"", "empty"}};
  for (const auto& [bytes, expected] : cases)
    EXPECT_THAT(input_error([&] { decode_picture(bytes, "named.png"); }), HasSubstr(expected));
  const ScratchFolder folder;
  EXPECT_THROW(read_picture(folder.path()), InputError);
  EXPECT_THROW(read_picture(folder / "missing.png"), InputError);
}

TEST(Picture, RefusesKindsOfJpegItDoesNotRead) {
  EXPECT_THAT(input_error([] { read_picture(sample("cmyk.jpg")); }), HasSubstr("CMYK"));
  std::string jpeg = bytes_of("444.jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  std::string twelve = jpeg;
  twelve[frame + 4] = 12;
  EXPECT_THAT(input_error([&] { decode_picture(twelve, "x"); }), HasSubstr("8 bits"));
  std::string arithmetic = jpeg;
  arithmetic[frame + 1] = '\xC9';
  EXPECT_THAT(input_error([&] { decode_picture(arithmetic, "x"); }), HasSubstr("arithmetic"));
}

TEST(Picture, RefusesEveryTruncation) {
  for (const char* name : {"drawing.png", "palette.png", "444.jpg", "420.jpg", "progressive.jpg",
                           "lossless.webp", "lossy.webp"}) {
    const std::string whole = bytes_of(name);
    // The end of a WebP may be a byte of padding.
    for (size_t length = 0; length + 1 < whole.size(); ++length) {
      const std::string cut = whole.substr(0, length);
      EXPECT_THROW(decode_picture(cut, "cut"), InputError) << name << " at " << length;
    }
  }
}

TEST(Picture, RefusesAWrongChecksumAndShortPngData) {
  std::string png = bytes_of("drawing.png");
  png[png.size() / 2] ^= 1;
  EXPECT_THAT(input_error([&] { decode_picture(png, "x"); }), HasSubstr("checksum"));
  // A deflate stream of one stored block with two of eight rows, its checksums right.
  std::string rows(2 * 9, '\0');
  std::string stream("\x78\x01\x01\x12\x00\xED\xFF", 7);
  stream += rows + std::string("\x00\x12\x00\x01", 4);
  const std::string half = kSignature + header(8, 8, 8, 0) + chunk("IDAT", stream) + chunk("IEND", "");
  EXPECT_THROW(decode_picture(half, "half.png"), InputError);
}

// One byte at a time is changed: each gives a picture of the declared size or an InputError, nothing else.
TEST(Picture, SurvivesChangedBytes) {
  uint32_t random = 99;
  for (const char* name :
       {"drawing.png", "444.jpg", "progressive.jpg", "420.jpg", "lossless.webp", "lossy.webp"}) {
    const std::string whole = bytes_of(name);
    int refused = 0, read = 0;
    for (int round = 0; round < 400; ++round) {
      std::string changed = whole;
      for (int k = 0; k <= round % 3; ++k) {
        random = random * 1664525u + 1013904223u;
        changed[(random >> 8) % changed.size()] = static_cast<char>(random >> 3);
      }
      try {
        const Picture picture = decode_picture(changed, "changed");
        ++read;
        EXPECT_EQ(picture.rgb.size(), static_cast<size_t>(picture.width) * picture.height * 3);
      } catch (const InputError&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 0) << name;
    EXPECT_EQ(refused + read, 400);
  }
}

TEST(Picture, NeverUnpacksWhatItDoesNotNeed) {
  // A compressed text chunk with a lying length of data, an animation of a million frames, a tail of another
  // type.
  const std::string whole = bytes_of("drawing.png");
  const std::string extra = chunk("zTXt", std::string("k\0\0", 3) + std::string(1000, '\x9C')) +
                            chunk("acTL", be32(1'000'000) + be32(0)) + chunk("iCCP", "broken");
  const std::string polyglot = whole.substr(0, 33) + extra + whole.substr(33) + "PK\x03\x04<script>";
  EXPECT_EQ(decode_picture(polyglot, "x"), decode_picture(whole, "x"));
  const PictureStream stream = strip_picture(polyglot, "x");
  for (const char* gone : {"zTXt", "acTL", "iCCP", "script"})
    EXPECT_EQ(stream.bytes.find(gone), std::string::npos);
}

}  // namespace
}  // namespace zoetrope
