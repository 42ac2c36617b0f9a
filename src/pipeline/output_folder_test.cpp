#include "pipeline/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class OutputFolderTest : public testing::Test {
 protected:
  std::string refusal(const MakeRequest& wanted, const std::string& hash) {
    try {
      OutputFolder folder(wanted, hash);
    } catch (const InputError& error) {
      return error.what();
    }
    return "taken";
  }
  TestFolder folder_;
  MakeRequest request_{.out = folder_.path() / "deep/story"};
};

TEST_F(OutputFolderTest, IsMadeAndItsWorkGoesAfterSuccess) {
  OutputFolder folder(request_, "one");
  EXPECT_EQ(folder.work(), request_.out / ".work");
  EXPECT_TRUE(fs::is_directory(folder.work()));
  folder.finish();
  EXPECT_FALSE(fs::exists(folder.work()));
  EXPECT_TRUE(fs::is_directory(request_.out));
}

TEST_F(OutputFolderTest, KeepsItsWorkWhereAsked) {
  request_.keep_work = true;
  OutputFolder folder(request_, "one");
  write_file_atomically(folder.work() / "latents", "x");
  folder.finish();
  EXPECT_TRUE(fs::exists(folder.work() / "latents"));
}

TEST_F(OutputFolderTest, GoesOnWithItsOwnStory) {
  { OutputFolder broken_off(request_, "one"); }
  write_file_atomically(request_.out / ".work/latents", "x");
  OutputFolder again(request_, "one");
  EXPECT_TRUE(fs::exists(again.work() / "latents"));
}

TEST_F(OutputFolderTest, WithAnotherBegunStoryIsRefusedAndLeftAsItIs) {
  { OutputFolder broken_off(request_, "one"); }
  write_file_atomically(request_.out / ".work/latents", "x");
  EXPECT_THAT(refusal(request_, "two"),
              AllOf(HasSubstr("another story"), HasSubstr("--force"), HasSubstr(request_.out.string())));
  EXPECT_TRUE(fs::exists(request_.out / ".work/latents"));
  EXPECT_EQ(refusal(request_, "one"), "taken") << "the refusal changed whose folder it is";
}

TEST_F(OutputFolderTest, WithAnotherFinishedStoryIsRefusedAndLeftAsItIs) {
  fs::create_directories(request_.out);
  write_file_atomically(request_.out / "report.json", R"({"request": "one"})");
  EXPECT_THAT(refusal(request_, "two"), AllOf(HasSubstr("another story"), HasSubstr("--force")));
  EXPECT_FALSE(fs::exists(request_.out / ".work")) << "a refusal leaves nothing behind";
  EXPECT_EQ(refusal(request_, "one"), "taken");
}

TEST_F(OutputFolderTest, WithAStoryNobodyKnowsIsRefused) {
  for (const char* name : {"story.mp4", "storyboard.json", "story.srt", "sheet.png"}) {
    MakeRequest request{.out = folder_.path() / name};
    fs::create_directories(request.out);
    write_file_atomically(request.out / name, "x");
    EXPECT_THAT(refusal(request, "one"), HasSubstr("--force")) << name;
    EXPECT_EQ(read_file(request.out / name, 10), "x");
  }
}

TEST_F(OutputFolderTest, TakesAnotherStoryByForceOrForAShotDrawnAgain) {
  fs::create_directories(request_.out);
  write_file_atomically(request_.out / "report.json", R"({"request": "one"})");
  request_.force = true;
  EXPECT_EQ(refusal(request_, "two"), "taken");
  request_.force = false;
  request_.shot = 2;
  EXPECT_EQ(refusal(request_, "three"), "taken");
}

TEST_F(OutputFolderTest, IsOneRunsAlone) {
  OutputFolder first(request_, "one");
  EXPECT_THAT(refusal(request_, "one"),
              AllOf(HasSubstr("another run"), HasSubstr("--out"), HasSubstr(request_.out.string())));
  request_.force = true;
  EXPECT_THAT(refusal(request_, "two"), HasSubstr("another run")) << "--force takes no folder from a run";
}

TEST_F(OutputFolderTest, IsFreeAgainAfterTheRun) {
  { OutputFolder first(request_, "one"); }
  EXPECT_EQ(refusal(request_, "one"), "taken");
}

TEST_F(OutputFolderTest, ThatCannotBeMadeIsRefused) {
  folder_.write("file", "x");
  request_.out = folder_.path() / "file" / "story";
  EXPECT_THAT(refusal(request_, "one"), HasSubstr("file"));
  if (::geteuid() == 0) return;  // root may write anywhere
  fs::create_directories(folder_.path() / "closed");
  fs::permissions(folder_.path() / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  request_.out = folder_.path() / "closed" / "story";
  EXPECT_THAT(refusal(request_, "one"), HasSubstr("closed"));
}

TEST_F(OutputFolderTest, WithADamagedReportIsRefusedByName) {
  fs::create_directories(request_.out);
  write_file_atomically(request_.out / "report.json", "{");
  EXPECT_THAT(refusal(request_, "one"), HasSubstr("report.json"));
}

}  // namespace
}  // namespace zoetrope
