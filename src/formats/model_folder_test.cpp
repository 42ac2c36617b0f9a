#include "formats/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Folder : public testing::Test {
 protected:
  std::string refusal(const std::string& index) {
    folder.write("model_index.json", index);
    return refusal_of([&] { ModelFolder::open(folder.path()); });
  }
  template <class Action>
  std::string refusal_of(Action action) {
    try {
      action();
    } catch (const InputError& error) {
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }
  void make(const char* component) { fs::create_directories(folder.path() / component); }

  TestFolder folder;
};

constexpr const char* kTwoExperts = R"({"_class_name": "WanPipeline", "_diffusers_version": "0.35.0",
  "boundary_ratio": 0.875, "expand_timesteps": false, "scheduler": ["diffusers", "UniPCMultistepScheduler"],
  "text_encoder": ["transformers", "UMT5EncoderModel"], "transformer": ["diffusers", "WanTransformer3DModel"],
  "transformer_2": ["diffusers", "WanTransformer3DModel"], "image_encoder": [null, null]})";

TEST_F(Folder, ReadsThePipeline) {
  folder.write("model_index.json", kTwoExperts);
  make("transformer");
  const ModelFolder model = ModelFolder::open(folder.path());
  EXPECT_EQ(model.pipeline_class(), "WanPipeline");
  EXPECT_EQ(model.boundary_ratio(), 0.875);
  EXPECT_FALSE(model.expand_timesteps());
  EXPECT_EQ(model.at("transformer").class_name, "WanTransformer3DModel");
  EXPECT_EQ(model.at("transformer").folder, folder.path() / "transformer");
  EXPECT_EQ(model.find("image_encoder"), nullptr);
  EXPECT_EQ(model.find("vae"), nullptr);
}

TEST_F(Folder, SaysWhatIsMissing) {
  folder.write("model_index.json", kTwoExperts);
  make("transformer");
  const ModelFolder model = ModelFolder::open(folder.path());
  EXPECT_THAT(refusal_of([&] { model.find("transformer_2"); }),
              AllOf(HasSubstr("component 'transformer_2'"), HasSubstr("finish the download")));
  EXPECT_THAT(refusal_of([&] { model.at("vae"); }),
              AllOf(HasSubstr("no component 'vae'; it has scheduler, text_encoder")));
  EXPECT_THAT(refusal_of([&] { ModelFolder::open(folder.path() / "none"); }), HasSubstr("is not a folder"));
  EXPECT_THAT(refusal_of([&] { ModelFolder::open(folder.path() / "transformer"); }),
              HasSubstr("model_index.json is missing"));
}

TEST_F(Folder, DefaultsOfWhatIsLeftOut) {
  folder.write("model_index.json", R"({"_class_name": "WanPipeline", "boundary_ratio": null})");
  const ModelFolder model = ModelFolder::open(folder.path());
  EXPECT_EQ(model.boundary_ratio(), std::nullopt);
  EXPECT_FALSE(model.expand_timesteps());
}

TEST_F(Folder, FollowsTheHubCache) {
  const std::string commit(40, 'a');
  folder.write("refs/main", commit + "\n");
  folder.write("snapshots/" + commit + "/model_index.json", R"({"expand_timesteps": true})");
  EXPECT_TRUE(ModelFolder::open(folder.path()).expand_timesteps());
  for (const std::string& text :
       {std::string("../../../etc"), std::string(40, 'g'), std::string(), std::string(41, 'a')}) {
    folder.write("refs/main", text);
    EXPECT_THAT(refusal_of([&] { ModelFolder::open(folder.path()); }), HasSubstr("holds no commit"));
  }
  folder.write("refs/main", std::string(1000, 'a'));
  EXPECT_THAT(refusal_of([&] { ModelFolder::open(folder.path()); }), HasSubstr("refs/main"));
}

TEST_F(Folder, I1_NamesThatAreNoNames) {
  for (const char* name : {"../vae", "/etc", "a/b", ".", "", "va\\u0000e", "v\\u00e4e", "a b"})
    EXPECT_THAT(refusal("{\"" + std::string(name) + R"(": ["diffusers", "X"]})"),
                HasSubstr("letters, digits and '_'"))
        << name;
}

TEST_F(Folder, ValuesOfAnotherType) {
  EXPECT_THAT(refusal(R"({"boundary_ratio": "0.9"})"), HasSubstr("boundary_ratio"));
  EXPECT_THAT(refusal(R"({"boundary_ratio": 1.5})"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(refusal(R"({"expand_timesteps": 1})"), HasSubstr("expand_timesteps"));
  EXPECT_THAT(refusal(R"({"_class_name": 1})"), HasSubstr("_class_name"));
  EXPECT_THAT(refusal("[]"), HasSubstr("should be an object"));
  EXPECT_THAT(refusal("{"), HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace zoetrope
