#include "pipeline/artefacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "formats/test_folder.h"
#include "pipeline/stages.h"

namespace zoetrope {
namespace {

TEST(Artefacts, AreNamedByTheirInputs) {
  const TestFolder folder;
  const Artefacts artefacts(folder.path());
  const fs::path place = artefacts.place("text", "a bear", "safetensors");
  EXPECT_EQ(place.parent_path(), folder.path());
  EXPECT_TRUE(place.filename().string().starts_with("text-"));
  EXPECT_EQ(place.extension(), ".safetensors");
  EXPECT_EQ(artefacts.place("text", "a bear", "safetensors"), place);
  const std::set<fs::path> places = {place, artefacts.place("text", "a bear ", "safetensors"),
                                     artefacts.place("high", "a bear", "safetensors"),
                                     artefacts.place("text", "", "safetensors"),
                                     artefacts.place("text", "\na bear", "safetensors")};
  EXPECT_EQ(places.size(), 5u) << "two artefacts share a name";
}

// A program of another build computes other bytes: the name says which build it was.
TEST(Artefacts, BelongToTheBuild) {
  EXPECT_EQ(build_id(), sha256_of_file(fs::canonical("/proc/self/exe")));
  const Artefacts artefacts("folder");
  const std::string hash = sha256_of(build_id() + "\nlatents\nseed 1").substr(0, 24);
  EXPECT_EQ(artefacts.place("latents", "seed 1", "bin"), fs::path("folder") / ("latents-" + hash + ".bin"));
}

TEST(Artefacts, AreThereOnlyWithTheirFacts) {
  const TestFolder folder;
  const Artefacts artefacts(folder.path());
  const fs::path place = artefacts.place("latents", "x", "bin");
  EXPECT_FALSE(artefacts.has(place));
  artefacts.note(place, Json::object().set("planned_peak_bytes", int64_t{12}));
  EXPECT_FALSE(artefacts.has(place)) << "facts alone are no artefact";
  write_file_atomically(place, "content");
  EXPECT_TRUE(artefacts.has(place));
  EXPECT_EQ(artefacts.facts(place).at("planned_peak_bytes").as_integer(), 12);
  fs::remove(place.string() + ".json");
  EXPECT_FALSE(artefacts.has(place));
  EXPECT_THROW(artefacts.facts(place), InputError);
  fs::remove(place);
  fs::create_directory(place);
  artefacts.note(place, Json::object());
  EXPECT_FALSE(artefacts.has(place)) << "a folder is no artefact";
}

TEST(Stages, OfOneNameAreOneRow) {
  Stages stages;
  stages.add("denoise", 2, 100, 90);
  stages.add("decode", 1);
  stages.add("denoise", 3, 70, 95);
  add_stage(stages, "denoise", 0.5, Json::object().set("planned_peak_bytes", int64_t{120}));
  ASSERT_EQ(stages.rows().size(), 2u);
  const StageReport& row = stages.rows()[0];
  EXPECT_EQ(row.name, "denoise");
  EXPECT_DOUBLE_EQ(row.seconds, 5.5);
  EXPECT_EQ(row.planned_peak_bytes, 120);
  EXPECT_EQ(row.measured_peak_bytes, 95);
  EXPECT_EQ(stages.rows()[1].planned_peak_bytes, 0);
  const Json json = stages.json();
  ASSERT_EQ(json.as_array().size(), 2u);
  for (const char* key : {"name", "planned_peak_bytes", "measured_peak_bytes", "seconds"})
    EXPECT_TRUE(json.as_array()[1].has(key)) << key;
}

TEST(Stopwatch, RunsForward) {
  const Stopwatch watch;
  const double first = watch.seconds();
  EXPECT_GE(first, 0);
  EXPECT_GE(watch.seconds(), first);
  EXPECT_LT(watch.seconds(), 60);
}

}  // namespace
}  // namespace zoetrope
