#include "formats/lora.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/lora_argument.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// in 6, out 4, in two layouts of names.
LoraModel small_model() {
  LoraModel model;
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    for (const char* leaf : {"self_attn.q", "cross_attn.k", "ffn.0"}) {
      model.parameters[block + leaf + ".weight"] = {4, 6};
      model.parameters[block + leaf + ".bias"] = {4};
    }
    model.parameters[block + "modulation"] = {1, 6, 5};
    model.parameters[block + "norm3.weight"] = {5};
    model.other_modules[block + "attn1.to_q"] = block + "self_attn.q";
    model.other_modules[block + "attn2.to_k"] = block + "cross_attn.k";
    model.other_modules[block + "ffn.net.0.proj"] = block + "ffn.0";
  }
  model.parameters["head.modulation"] = {1, 2, 5};
  model.parameters["head.head.weight"] = {8, 5};
  model.parameters["patch_embedding.weight"] = {4, 3, 1, 2, 2};
  model.ignorable_parts = {"k_img", "v_img"};
  return model;
}

class LoraFile : public testing::Test {
 protected:
  void put(const std::string& name, const Shape& shape, float value = 0.5f, DType dtype = DType::f32) {
    HostTensor tensor(dtype, shape);
    const std::vector<float> values(static_cast<size_t>(shape.elements()), value);
    if (is_floating(dtype))
      narrow_from_f32(dtype, values.data(), tensor.data(), values.size());
    else
      for (int64_t& element : tensor.i64()) element = static_cast<int64_t>(value);
    tensors[name] = tensor;
  }
  // up (4, rank) and down (rank, 6)
  void put_pair(const std::string& up, const std::string& down, int64_t rank = 2) {
    put(up, {4, rank});
    put(down, {rank, 6});
  }
  Lora open(bool allow_partial = false) {
    save_safetensors(folder.path() / "x.safetensors", tensors, metadata);
    return Lora::open(folder.path() / "x.safetensors", small_model(), allow_partial);
  }
  std::string refusal(bool allow_partial = false) {
    try {
      open(allow_partial);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("x.safetensors"));
      return error.what();
    }
    ADD_FAILURE() << "was accepted";
    return "";
  }

  TestFolder folder;
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
};

TEST_F(LoraFile, EveryDialectNamesTheSameParameter) {
  struct Dialect {
    const char *up, *down;
  };
  const Dialect suffixes[] = {{".lora_up.weight", ".lora_down.weight"},
                              {"_lora.up.weight", "_lora.down.weight"},
                              {".lora_B.weight", ".lora_A.weight"},
                              {".lora.up.weight", ".lora.down.weight"},
                              {".lora_B", ".lora_A"},
                              {".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"},
                              {".lora_B.default.weight", ".lora_A.default.weight"}};
  const char* modules[] = {"blocks.1.self_attn.q",
                           "diffusion_model.blocks.1.self_attn.q",
                           "model.diffusion_model.blocks.1.self_attn.q",
                           "base_model.model.blocks.1.self_attn.q",
                           "transformer.blocks.1.attn1.to_q",
                           "base_model.model.transformer.blocks.1.attn1.to_q",
                           "lora_unet_blocks_1_self_attn_q",
                           "lora_unet__blocks_1_self_attn_q",
                           "lora_unet_blocks_1_attn1_to_q"};
  for (const Dialect& dialect : suffixes)
    for (const std::string module : modules) {
      tensors.clear();
      put_pair(module + dialect.up, module + dialect.down);
      put(module + ".alpha", {}, 8);
      const Lora lora = open();
      ASSERT_EQ(lora.entries().size(), 1u) << module << dialect.up;
      const LoraEntry& entry = lora.entries()[0];
      EXPECT_EQ(entry.parameter, "blocks.1.self_attn.q.weight");
      EXPECT_EQ(entry.kind, LoraKind::low_rank);
      EXPECT_EQ(entry.rank, 2);
      EXPECT_EQ(entry.scale, 4);
      EXPECT_EQ(entry.down->shape, Shape({2, 6}));
      EXPECT_EQ(entry.up->shape, Shape({4, 2}));
    }
}

TEST_F(LoraFile, AlphaOfAnyType) {
  for (const DType dtype : {DType::i64, DType::f32, DType::bf16, DType::f16, DType::f64})
    for (const Shape& shape : {Shape{}, Shape{1}}) {
      tensors.clear();
      put("diffusion_model.blocks.0.ffn.0.lora_up.weight", {4, 4});
      put("diffusion_model.blocks.0.ffn.0.lora_down.weight", {4, 6});
      put("diffusion_model.blocks.0.ffn.0.alpha", shape, 2, dtype);
      EXPECT_EQ(open().entries()[0].scale, 0.5) << name_of(dtype);
    }
  tensors.erase("diffusion_model.blocks.0.ffn.0.alpha");
  EXPECT_EQ(open().entries()[0].scale, 1);
}

TEST_F(LoraFile, AlphaOfTheTrainersSettings) {
  put_pair("transformer.blocks.0.attn1.to_q.lora_B.weight", "transformer.blocks.0.attn1.to_q.lora_A.weight",
           4);
  put_pair("transformer.blocks.1.attn1.to_q.lora_B.weight", "transformer.blocks.1.attn1.to_q.lora_A.weight",
           4);
  metadata["lora_adapter_metadata"] =
      R"({"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.alpha_pattern": {"blocks.1.attn1.to_q": 2}})";
  const Lora lora = open();
  EXPECT_EQ(lora.entries()[0].scale, 2);
  EXPECT_EQ(lora.entries()[1].scale, 0.5);
  metadata["lora_adapter_metadata"] = R"({"transformer.lora_alpha": 8, "transformer.use_rslora": true})";
  EXPECT_EQ(open().entries()[0].scale, 4);
  metadata["lora_adapter_metadata"] = R"({"transformer.lora_alpha": "8"})";
  EXPECT_THAT(refusal(), HasSubstr("lora_alpha"));
  metadata["lora_adapter_metadata"] = "{";
  EXPECT_THAT(refusal(), HasSubstr("lora_adapter_metadata"));
}

TEST_F(LoraFile, Differences) {
  const std::string block = "diffusion_model.blocks.0.";
  put(block + "diff_m", {1, 6, 5});
  put("diffusion_model.head.diff_m", {1, 2, 5});
  put("diffusion_model.head.head.diff", {8, 5});
  put(block + "self_attn.q.diff_b", {4});
  put(block + "norm3.diff", {5});
  put(block + "cross_attn.k.lora_up.weight", {4, 2});
  put(block + "cross_attn.k.lora_down.weight", {2, 6});
  put(block + "cross_attn.k.diff_b", {4});
  std::vector<std::string> parameters;
  const Lora lora = open();
  for (const LoraEntry& entry : lora.entries()) parameters.push_back(entry.parameter);
  EXPECT_THAT(parameters, ElementsAre("blocks.0.cross_attn.k.bias", "blocks.0.cross_attn.k.weight",
                                      "blocks.0.modulation", "blocks.0.norm3.weight",
                                      "blocks.0.self_attn.q.bias", "head.head.weight", "head.modulation"));
  float last = 0;
  lora.read(*lora.entries()[2].delta, 29, 1, &last);
  EXPECT_EQ(last, 0.5f);
}

TEST_F(LoraFile, ConvolutionsAreProductsOfTheirWindow) {
  put("patch_embedding.lora_down.weight", {2, 3, 1, 2, 2});
  put("patch_embedding.lora_up.weight", {4, 2, 1, 1, 1});
  EXPECT_EQ(open().entries()[0].rank, 2);
}

TEST_F(LoraFile, PartsOfARelativeAreIgnored) {
  put_pair("diffusion_model.blocks.0.ffn.0.lora_up.weight",
           "diffusion_model.blocks.0.ffn.0.lora_down.weight");
  put_pair("diffusion_model.blocks.0.cross_attn.k_img.lora_up.weight",
           "diffusion_model.blocks.0.cross_attn.k_img.lora_down.weight");
  put_pair("lora_unet_blocks_0_cross_attn_v_img.lora_up.weight",
           "lora_unet_blocks_0_cross_attn_v_img.lora_down.weight");
  EXPECT_EQ(open().ignored().size(), 4u);
}

TEST_F(LoraFile, E1_NothingMatches) {
  put_pair("lora_unet_input_blocks_4_1_proj_in.lora_up.weight",
           "lora_unet_input_blocks_4_1_proj_in.lora_down.weight");
  put("lora_te1_text_model_encoder_layers_0_self_attn_q_proj.alpha", {}, 4);
  for (bool allow_partial : {false, true})
    EXPECT_THAT(refusal(allow_partial), AllOf(HasSubstr("none of the LoRA's tensors belongs to this model"),
                                              HasSubstr("input_blocks")));
}

TEST_F(LoraFile, E2_APartMatches) {
  put_pair("blocks.0.ffn.0.lora_up.weight", "blocks.0.ffn.0.lora_down.weight");
  for (int block = 2; block < 40; ++block) {
    const std::string module = "blocks." + std::to_string(block) + ".ffn.0";
    put_pair(module + ".lora_up.weight", module + ".lora_down.weight");
  }
  EXPECT_THAT(refusal(), AllOf(HasSubstr("76 of its 78 tensors belong to no part of this model: blocks.10."),
                               HasSubstr("and 56 more")));
  const Lora lora = open(true);
  EXPECT_EQ(lora.entries().size(), 1u);
  EXPECT_EQ(lora.unmatched().size(), 76u);
}

TEST_F(LoraFile, E3_ShapesAndRanksThatMakeNoSense) {
  const std::string module = "blocks.0.ffn.0";
  auto refused = [&](const Shape& up, const Shape& down) {
    put(module + ".lora_up.weight", up);
    put(module + ".lora_down.weight", down);
    return refusal();
  };
  EXPECT_THAT(refused({4, 2}, {2, 7}),
              AllOf(HasSubstr("lora_down.weight' has the shape (2, 7)"), HasSubstr("is (4, 6)")));
  EXPECT_THAT(refused({5, 2}, {2, 6}), HasSubstr("lora_up.weight' has the shape (5, 2)"));
  EXPECT_THAT(refused({4, 3}, {2, 6}), HasSubstr("lora_up.weight' has the shape (4, 3)"));
  EXPECT_THAT(refused({4, 0}, {0, 6}), HasSubstr("a rank of 0"));
  EXPECT_THAT(refused({4, 7}, {7, 6}), HasSubstr("a rank of 7"));
  EXPECT_THAT(refused({4}, {6}), HasSubstr("has the shape (6)"));
  tensors.clear();
  put("blocks.0.diff_m", {1, 6, 4});
  EXPECT_THAT(refusal(), HasSubstr("the model's blocks.0.modulation is (1, 6, 5)"));
}

TEST_F(LoraFile, E3_AlphasThatMakeNoSense) {
  put_pair("blocks.0.ffn.0.lora_up.weight", "blocks.0.ffn.0.lora_down.weight");
  for (float alpha :
       {0.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    put("blocks.0.ffn.0.alpha", {}, alpha);
    EXPECT_THAT(refusal(), HasSubstr("alpha must be a finite number other than 0"));
  }
  put("blocks.0.ffn.0.alpha", {2}, 1);
  EXPECT_THAT(refusal(), HasSubstr("alpha is one number"));
}

TEST_F(LoraFile, E3_WeightsThatAreNotFinite) {
  put_pair("blocks.0.ffn.0.lora_up.weight", "blocks.0.ffn.0.lora_down.weight");
  put("blocks.0.ffn.0.lora_down.weight", {2, 6}, std::numeric_limits<float>::quiet_NaN(), DType::bf16);
  const Lora lora = open();
  std::array<float, 12> values;
  EXPECT_NO_THROW(lora.read(*lora.entries()[0].up, 0, 8, values.data()));
  EXPECT_THROW(lora.read(*lora.entries()[0].down, 0, 12, values.data()), InputError);
}

TEST_F(LoraFile, PairsThatAreNoPairs) {
  put("blocks.0.ffn.0.lora_up.weight", {4, 2});
  EXPECT_THAT(refusal(), HasSubstr("has no 'down' beside it"));
  put("blocks.0.ffn.0.lora_down.weight", {2, 6}, 1, DType::i64);
  EXPECT_THAT(refusal(), HasSubstr("of type I64"));
  put("blocks.0.ffn.0.lora_down.weight", {2, 6});
  put("blocks.0.ffn.0.lora_A.weight", {2, 6});
  EXPECT_THAT(refusal(), HasSubstr("says the same as"));
  tensors.erase("blocks.0.ffn.0.lora_A.weight");
  put_pair("diffusion_model.blocks.0.ffn.0.lora_up.weight",
           "diffusion_model.blocks.0.ffn.0.lora_down.weight");
  EXPECT_THAT(refusal(), HasSubstr("two entries for 'blocks.0.ffn.0.weight'"));
  tensors.clear();
  put("blocks.0.ffn.0.alpha", {}, 4);
  EXPECT_THAT(refusal(), HasSubstr("has no weights beside it"));
}

TEST_F(LoraFile, KindsThatAreNotSupported) {
  for (const char* suffix : {".dora_scale", ".lora_mid.weight", ".hada_w1_a", ".lokr_w1", ".set_weight",
                             ".lora_magnitude_vector"}) {
    tensors.clear();
    put_pair("blocks.0.ffn.0.lora_up.weight", "blocks.0.ffn.0.lora_down.weight");
    put("blocks.0.ffn.0" + std::string(suffix), {4});
    EXPECT_THAT(refusal(true), AllOf(HasSubstr(suffix), HasSubstr("not supported")));
  }
}

TEST(LoraArgument, Forms) {
  auto parsed = [](std::string_view text) { return parse_lora_argument(text); };
  EXPECT_EQ(parsed("a.safetensors").file, "a.safetensors");
  EXPECT_EQ(parsed("a.safetensors").strength, 1);
  EXPECT_EQ(parsed("a.safetensors").expert, std::nullopt);
  EXPECT_EQ(parsed("a.safetensors:0.5").strength, 0.5);
  EXPECT_EQ(parsed("a.safetensors:-1").strength, -1);
  EXPECT_EQ(parsed("a.safetensors:+1e-1").strength, 0.1);
  EXPECT_EQ(parsed("a.safetensors@low").expert, LoraExpert::low);
  EXPECT_EQ(parsed("a.safetensors:2@high").expert, LoraExpert::high);
  EXPECT_EQ(parsed("a.safetensors:2@high").strength, 2);
  EXPECT_EQ(parsed("a.safetensors:2@both").file, "a.safetensors");
  // Colons and @ that belong to the path.
  EXPECT_EQ(parsed("C:\\loras\\a.safetensors").file, "C:\\loras\\a.safetensors");
  EXPECT_EQ(parsed("C:/loras/a.safetensors:0.5").file, "C:/loras/a.safetensors");
  EXPECT_EQ(parsed("C:a.safetensors").file, "C:a.safetensors");
  EXPECT_EQ(parsed("me@home/a.safetensors").file, "me@home/a.safetensors");
  EXPECT_EQ(parsed("me@home.safetensors:3").file, "me@home.safetensors");
  EXPECT_EQ(parsed("12:30/a.safetensors").file, "12:30/a.safetensors");
}

TEST(LoraArgument, Mistakes) {
  for (const char* text :
       {"", ":1", "@high", "a.safetensors:", "a.safetensors:strong", "a.safetensors:nan", "a.safetensors:inf",
        "a.safetensors:1e9", "a.safetensors:0.5x", "a.safetensors@mid", "a.safetensors@",
        "a.safetensors@high:0.5", "a.safetensors@High"})
    EXPECT_THROW(parse_lora_argument(text), UsageError) << text;
}

TEST(LoraArgument, E4_TheSameFileTwice) {
  auto parse = [](std::vector<std::string> arguments) { return parse_lora_arguments(arguments).size(); };
  EXPECT_THROW(parse({"a.safetensors", "b.safetensors", "a.safetensors:0.5"}), UsageError);
  EXPECT_THROW(parse({"a.safetensors@high", "a.safetensors"}), UsageError);
  EXPECT_THROW(parse({"a_high.safetensors", "a_high.safetensors@high"}), UsageError);
  EXPECT_EQ(parse({"a.safetensors@high", "a.safetensors:0.5@low"}), 2u);
  EXPECT_EQ(parse({"a.safetensors", "b.safetensors"}), 2u);
  const TestFolder folder;
  const std::string file = folder.write("a.safetensors", "").string();
  fs::create_symlink(file, folder.path() / "b.safetensors");
  EXPECT_THROW(parse({file, (folder.path() / "b.safetensors").string()}), UsageError);
}

TEST(LoraArgument, ExpertOfAName) {
  const std::pair<const char*, std::optional<LoraExpert>> cases[] = {
      {"wan2.2_i2v_lightx2v_4steps_lora_v1_high_noise.safetensors", LoraExpert::high},
      {"wan2.2_t2v_lightx2v_4steps_lora_v1.1_low_noise.safetensors", LoraExpert::low},
      {"Wan22-Lightning-HighNoise-rank64.safetensors", LoraExpert::high},
      {"Wan22-Lightning-lownoise.safetensors", LoraExpert::low},
      {"style_HIGH.safetensors", LoraExpert::high},
      {"Wan2.2-T2V_LOW.safetensors", LoraExpert::low},
      {"high/style.safetensors", std::nullopt},
      {"highlights.safetensors", std::nullopt},
      {"slow_yellow_flow.safetensors", std::nullopt},
      {"high_and_low.safetensors", std::nullopt},
      {"style.safetensors", std::nullopt}};
  for (const auto& [name, expert] : cases) EXPECT_EQ(expert_from_name(name), expert) << name;
}

}  // namespace
}  // namespace zoetrope
