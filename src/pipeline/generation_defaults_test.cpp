#include "pipeline/generation_defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

GenerationDefaults defaults_of(const std::string& json) {
  const TestFolder folder;
  folder.write("generation_config.json", json);
  return read_generation_defaults(folder.path());
}

TEST(GenerationDefaults, WithoutAFileAreWansOwn) {
  const TestFolder folder;
  const GenerationDefaults defaults = read_generation_defaults(folder.path());
  EXPECT_EQ(defaults.width, 832);
  EXPECT_EQ(defaults.height, 480);
  EXPECT_EQ(defaults.frames, 81);
  EXPECT_EQ(defaults.steps, 40);
  EXPECT_EQ(defaults.guidance, 4);
  EXPECT_EQ(defaults.guidance_low, 3);
}

TEST(GenerationDefaults, AreRead) {
  const GenerationDefaults defaults = defaults_of(
      R"({"width": 192, "height": 112, "frames": 49, "steps": 10, "guidance": 3.5, "guidance_low": 1})");
  EXPECT_EQ(defaults.width, 192);
  EXPECT_EQ(defaults.height, 112);
  EXPECT_EQ(defaults.frames, 49);
  EXPECT_EQ(defaults.steps, 10);
  EXPECT_EQ(defaults.guidance, 3.5);
  EXPECT_EQ(defaults.guidance_low, 1);
}

TEST(GenerationDefaults, OneGuidanceIsForBothExperts) {
  EXPECT_EQ(defaults_of(R"({"guidance": 7})").guidance_low, 7);
}

TEST(GenerationDefaults, OfNoSenseAreRefusedByFileAndField) {
  for (const char* key : {"width", "height", "frames", "steps"})
    for (const char* value :
         {"0", "-4", "1000000000", "9223372036854775807", "2.5", "1e300", "\"8\"", "[8]", "true", "{}"}) {
      try {
        defaults_of("{\"" + std::string(key) + "\": " + value + "}");
        ADD_FAILURE() << key << " = " << value << " was taken";
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("generation_config.json"), HasSubstr(key)));
      }
    }
  for (const char* key : {"guidance", "guidance_low"})
    for (const char* value : {"1e999", "-1e999", "\"4\"", "[4]", "false"}) {
      try {
        defaults_of("{\"" + std::string(key) + "\": " + value + "}");
        ADD_FAILURE() << key << " = " << value << " was taken";
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("generation_config.json"));
      }
    }
}

TEST(GenerationDefaults, OfAFileThatIsNoObjectAreRefused) {
  for (const char* text : {"", "{", "[]", "3", "null", "{\"width\": 8, \"width\": 16}"})
    EXPECT_THROW(defaults_of(text), InputError) << text;
}

}  // namespace
}  // namespace zoetrope
