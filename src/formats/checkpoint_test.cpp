#include "formats/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CheckpointFolder : public testing::Test {
 protected:
  void weights(const std::string& file, const std::vector<std::string>& names, float value = 0) {
    TensorMap tensors;
    for (const std::string& name : names)
      tensors[name] = HostTensor::from_f32({1}, std::vector<float>{value});
    save_safetensors(folder.path() / file, tensors);
  }
  void index(const std::string& file, const std::vector<std::pair<std::string, std::string>>& map) {
    Json weight_map = Json::object();
    for (const auto& [name, shard] : map) weight_map.set(name, shard);
    Json json = Json::object();
    json.set("metadata", Json::object().set("total_size", 4)).set("weight_map", weight_map);
    folder.write(file, json.dump());
  }
  std::string refusal(const fs::path& path) {
    try {
      Checkpoint::open(path);
    } catch (const InputError& error) {
      return error.what();
    }
    ADD_FAILURE() << "was opened";
    return "";
  }
  std::string refusal() { return refusal(folder.path()); }
  std::string chosen() { return Checkpoint::open(folder.path()).path().filename().string(); }

  TestFolder folder;
};

TEST_F(CheckpointFolder, TakesTheUsualNamesBeforeOthers) {
  weights("other.safetensors", {"w"});
  EXPECT_EQ(chosen(), "other.safetensors");
  weights("model.fp16.safetensors", {"w"});
  EXPECT_EQ(chosen(), "model.fp16.safetensors");
  weights("model.safetensors", {"w"});
  EXPECT_EQ(chosen(), "model.safetensors");
  weights("diffusion_pytorch_model.safetensors", {"w"});
  EXPECT_EQ(chosen(), "diffusion_pytorch_model.safetensors");
  const std::vector<std::string> names = {"other"};
  EXPECT_EQ(Checkpoint::open(folder.path(), names).path().filename(), "other.safetensors");
}

TEST_F(CheckpointFolder, RefusesToChooseBetweenEquals) {
  weights("a.safetensors", {"w"});
  weights("b.safetensors", {"w"});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("several sets of weights: a.safetensors, b.safetensors"),
                               HasSubstr("name the one")));
  weights("model.fp16.safetensors", {"w"});
  weights("model.bf16.safetensors", {"w"});
  EXPECT_THAT(refusal(), HasSubstr("model.bf16.safetensors, model.fp16.safetensors"));
  weights("model.safetensors", {"w"});
  index("model.safetensors.index.json", {{"w", "a.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("model.safetensors, model.safetensors.index.json"));
}

TEST_F(CheckpointFolder, SaysWhatIsThereInstead) {
  EXPECT_THAT(refusal(), HasSubstr("holds no .safetensors file"));
  folder.write("model.gguf", "GGUF");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("GGUF"), HasSubstr("model.gguf")));
  folder.write("pytorch_model.bin", "PK");
  folder.write("Wan2.1_VAE.pth", "PK");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("pickles can run code"), HasSubstr("pytorch_model.bin"),
                               HasSubstr("Wan2.1_VAE.pth")));
  weights("model-00001-of-00002.safetensors", {"w"});
  EXPECT_THAT(refusal(), HasSubstr("not the index"));
  EXPECT_THAT(refusal(folder.path() / "none"), HasSubstr("No such file"));
  save_safetensors(folder.path() / "empty.safetensors", {});
  EXPECT_THAT(refusal(folder.path() / "empty.safetensors"), HasSubstr("holds no tensors"));
}

TEST_F(CheckpointFolder, ShardsAreOneSet) {
  weights("model-00001-of-00002.safetensors", {"b", "d"}, 1);
  weights("model-00002-of-00002.safetensors", {"a", "c"}, 2);
  const std::string one = "model-00001-of-00002.safetensors", two = "model-00002-of-00002.safetensors";
  index("model.safetensors.index.json", {{"a", two}, {"b", one}, {"c", two}, {"d", one}});
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  ASSERT_EQ(checkpoint.tensors().size(), 4u);
  EXPECT_EQ(checkpoint.bytes(), 16u);
  EXPECT_EQ(checkpoint.tensors()[0].name(), "a");
  EXPECT_EQ(checkpoint.load(*checkpoint.find("c")).f32()[0], 2);
  EXPECT_EQ(checkpoint.load(*checkpoint.find("d")).f32()[0], 1);
  EXPECT_EQ(checkpoint.find("e"), nullptr);
  EXPECT_EQ(Checkpoint::open(folder.path() / "model.safetensors.index.json").tensors().size(), 4u);
}

TEST_F(CheckpointFolder, ReadsTheShardsOfTheGoldens) {
  const fs::path goldens = fs::path(ZT_SOURCE_DIR) / "models";
  EXPECT_EQ(Checkpoint::open(goldens / "umt5/goldens/sharded").files().size(), 4u);
  EXPECT_EQ(Checkpoint::open(goldens / "wan/goldens/sharded").files().size(), 3u);
  EXPECT_EQ(Checkpoint::open(goldens / "wan/goldens/t2v").files().size(), 1u);
}

TEST_F(CheckpointFolder, A18_ShardNamesThatLeaveTheFolder) {
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "sub/model.safetensors", "..", "",
                           "model.safetensors.index.json", "a\\b.safetensors", "../x.safetensors"}) {
    index("model.safetensors.index.json", {{"w", name}});
    EXPECT_THAT(refusal(), HasSubstr("which is no .safetensors file of its folder")) << name;
  }
}

TEST_F(CheckpointFolder, A18_ShardsThatAreLinks) {
  TestFolder blobs;
  TensorMap tensors;
  tensors["w"] = HostTensor::from_f32({1}, std::vector<float>{7});
  save_safetensors(blobs.path() / "0123", tensors);
  fs::create_symlink(blobs.path() / "0123", folder.path() / "model-00001-of-00001.safetensors");
  index("model.safetensors.index.json", {{"w", "model-00001-of-00001.safetensors"}});
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_EQ(checkpoint.load(*checkpoint.find("w")).f32()[0], 7);
  // A link to something else is opened, and refused for what it is.
  fs::remove(folder.path() / "model-00001-of-00001.safetensors");
  fs::create_symlink("/etc/passwd", folder.path() / "model-00001-of-00001.safetensors");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("model-00001-of-00001.safetensors"), HasSubstr("declares a header")));
  fs::remove(folder.path() / "model-00001-of-00001.safetensors");
  fs::create_symlink("model-00001-of-00001.safetensors", folder.path() / "model-00001-of-00001.safetensors");
  EXPECT_THAT(refusal(), HasSubstr("are not there"));
}

TEST_F(CheckpointFolder, A18_IndexAndShardsThatDisagree) {
  weights("a.safetensors", {"w", "x"});
  weights("b.safetensors", {"y"});
  index("model.safetensors.index.json",
        {{"w", "a.safetensors"}, {"x", "a.safetensors"}, {"y", "missing.safetensors"}});
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("not there: missing.safetensors"), HasSubstr("finish the download")));
  index("model.safetensors.index.json",
        {{"w", "a.safetensors"}, {"x", "a.safetensors"}, {"y", "b.safetensors"}, {"z", "b.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("their shards lack: z"));
  index("model.safetensors.index.json", {{"w", "a.safetensors"}, {"y", "b.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("that the index lacks: x"));
  index("model.safetensors.index.json",
        {{"w", "a.safetensors"}, {"x", "b.safetensors"}, {"y", "b.safetensors"}});
  EXPECT_THAT(refusal(), HasSubstr("their shards lack: x"));
  weights("b.safetensors", {"y", "x"});
  EXPECT_THAT(refusal(), HasSubstr("tensor 'x' is in two shards, a.safetensors and b.safetensors"));
}

TEST_F(CheckpointFolder, IndicesThatAreNoIndices) {
  weights("a.safetensors", {"w"});
  for (const char* text :
       {"", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"w\":7}}",
        "{\"weight_map\":{\"w\":\"a.safetensors\"}",
        "{\"weight_map\":{\"w\":\"a.safetensors\",\"w\":\"a.safetensors\"}}", "{\"weight_map\":{}}"}) {
    folder.write("model.safetensors.index.json", text);
    EXPECT_THAT(refusal(), HasSubstr("model.safetensors.index.json")) << text;
  }
  std::string many = "{\"weight_map\":{";
  for (int i = 0; i < 900'000; ++i) many += "\"" + std::to_string(i) + "\":\"a.safetensors\",";
  folder.write("model.safetensors.index.json", many + "\"w\":\"a.safetensors\"}}");
  EXPECT_THAT(refusal(), HasSubstr("more than 800000 entries"));
  std::vector<std::pair<std::string, std::string>> map;
  for (int i = 0; i < 1001; ++i)
    map.emplace_back("t" + std::to_string(i), std::to_string(i) + ".safetensors");
  index("model.safetensors.index.json", map);
  EXPECT_THAT(refusal(), HasSubstr("more than 1000 shards"));
}

TEST_F(CheckpointFolder, TensOfThousandsOfTensorsAreQuick) {
  std::string weight_map;
  for (int shard = 0; shard < 2; ++shard) {
    TensorMap tensors;
    const std::string file = "model-0000" + std::to_string(shard + 1) + "-of-00002.safetensors";
    for (int i = shard; i < 40'000; i += 2) {
      const std::string name = "layers." + std::to_string(i) + ".weight";
      tensors[name] = HostTensor(DType::u8, {1});
      weight_map += (weight_map.empty() ? "\"" : ",\"") + name + "\":\"" + file + "\"";
    }
    save_safetensors(folder.path() / file, tensors);
  }
  folder.write("model.safetensors.index.json", "{\"weight_map\":{" + weight_map + "}}");
  const std::clock_t start = std::clock();  // processor time: other programs may be running
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  for (int i = 0; i < 40'000; ++i)
    ASSERT_NE(checkpoint.find("layers." + std::to_string(i) + ".weight"), nullptr);
  EXPECT_LT(std::clock() - start, 2 * CLOCKS_PER_SEC);
}

}  // namespace
}  // namespace zoetrope
