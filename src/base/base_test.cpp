#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/shape.h"

namespace zoetrope {
namespace {

TEST(Printable, EscapesControlCharactersBadUtf8AndBidiMarks) {
  EXPECT_EQ(printable("a\nb\x1b[31m"), "a\\x0Ab\\x1B[31m");
  EXPECT_EQ(printable("\xC0\xAF"), "\\xC0\\xAF");
  EXPECT_EQ(printable("\xE2\x80\xAEgnp"), "\\u{202E}gnp");
  EXPECT_EQ(printable("Füchse 狐"), "Füchse 狐");
  EXPECT_EQ(printable(std::string(5000, 'x'), 10), "xxxxxxxxxx…");
}

TEST(Error, StaysUnderFourThousandCharacters) {
  const std::string flood(100000, '\x01');
  EXPECT_LT(std::string(InputError(flood, flood, flood).what()).size(), 4000u);
}

TEST(Nearest, CountsEditsWhateverTheCase) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "Sitting"), 3u);
  EXPECT_EQ(edit_distance("RTX-4090", "rtx-4090"), 0u);
  EXPECT_EQ(nearest_names("rtx-409", {"h100", "rtx-4090", "rtx-4070", "b200"}, 2), "rtx-4090, rtx-4070");
  EXPECT_EQ(nearest_names("x", {}), "");
}

TEST(DType, Bf16RoundsToNearestEven) {
  for (uint32_t low : {0x0000u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
    for (uint32_t high : {0x3F80u, 0x3F81u, 0xC2FEu}) {
      const float value = std::bit_cast<float>(high << 16 | low);
      uint32_t expected = high + (low > 0x8000u || (low == 0x8000u && (high & 1)));
      EXPECT_EQ(f32_to_bf16(value), expected) << std::hex << high << " " << low;
    }
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(DType, EightBitFloatsHaveTheirExtremes) {
  EXPECT_EQ(f8_e4m3_to_f32(0x7E), 448.0f);
  EXPECT_EQ(f8_e4m3_to_f32(0x01), std::ldexp(1.0f, -9));
  EXPECT_TRUE(std::isnan(f8_e4m3_to_f32(0xFF)));
  EXPECT_EQ(f8_e5m2_to_f32(0x7B), 57344.0f);
  EXPECT_EQ(f8_e5m2_to_f32(0xFC), -std::numeric_limits<float>::infinity());
}

TEST(DType, HalfWidensEveryValueBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(f32_to_f16(value), bits);
  }
}

TEST(Shape, RefusesWhatWraps) {
  const int64_t huge[] = {int64_t{1} << 32, int64_t{1} << 32};
  EXPECT_THROW(Shape{std::span(huge)}, InputError);
  EXPECT_THROW((Shape{2, -1}), InputError);
  EXPECT_EQ((Shape{2, 3, 5}).elements(), 30);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ((Shape{2, 3}).text(), "(2, 3)");
}

TEST(Json, NamesFileAndFieldInErrors) {
  const Json value = Json::parse(R"({"a": {"b": [1, 2, "x"]}})", "f.json");
  try {
    value.at("a").at("b").as_array()[2].as_integer();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "f.json: field 'a.b[2]': should be an integer, but is a string");
  }
  EXPECT_THROW(value.at("c"), InputError);
}

TEST(Json, RefusesHostileText) {
  EXPECT_THROW(Json::parse(R"({"a": 1, "a": 2})", "f"), InputError);
  EXPECT_THROW(Json::parse(std::string(100000, '['), "f"), InputError);
  EXPECT_THROW(Json::parse("{\"a\": \"\xff\"}", "f"), InputError);
  EXPECT_THROW(Json::parse("{} x", "f"), InputError);
  EXPECT_THROW(Json::parse("", "f"), InputError);
  EXPECT_THROW(Json::parse("1e400", "f"), InputError);
  EXPECT_EQ(Json::parse("18446744073709551615", "f").as_number(), 18446744073709551615.0);
}

TEST(Json, KeepsOrderAndCopiesOnWrite) {
  Json a = Json::object().set("z", 1).set("a", Json::array().push_back(true));
  Json b = a;
  b.set("z", 2);
  EXPECT_EQ(a.dump(-1), R"({"z":1,"a":[true]})");
  EXPECT_EQ(b.at("z").as_integer(), 2);
}

TEST(Sha256, KnownSums) {
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(File, WritesWholeOrNotAtAll) {
  const fs::path folder = fs::temp_directory_path() / "zoetrope_file_test";
  fs::remove_all(folder);
  make_folder(folder / "a");
  write_file_atomically(folder / "a" / "x", "one");
  write_file_atomically(folder / "a" / "x", "two");
  EXPECT_EQ(read_file(folder / "a" / "x", 10), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "a"), {}), 1);
  EXPECT_THROW(read_file(folder / "a" / "x", 2), InputError);
  EXPECT_THROW(read_file(folder / "a", 2), InputError);
  EXPECT_THROW(write_file_atomically(folder / "none" / "x", "y"), InputError);
  EXPECT_THROW(make_folder(folder / "a" / "x" / "y"), InputError);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace zoetrope
