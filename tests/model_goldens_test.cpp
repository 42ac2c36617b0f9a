// Every model against its reference implementation, on whole tensors; and proof that these comparisons can
// fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "golden.h"

namespace zoetrope {
namespace {

constexpr double kFloat32Tolerance = 1e-5;

std::vector<fs::path> all_goldens() {
  std::vector<fs::path> all;
  for (const char* model : {"llama", "umt5", "wan", "wan_vae"}) {
    const auto folders = golden_folders(model);
    all.insert(all.end(), folders.begin(), folders.end());
  }
  return all;
}

std::string case_name(const testing::TestParamInfo<fs::path>& info) {
  return info.param.parent_path().parent_path().filename().string() + "_" + info.param.filename().string();
}

// A GPU's libraries do not write all of the workspace that is reserved for them.
void check_peak(const ForwardResult& result) {
  if (test_device_name() == "cpu")
    EXPECT_EQ(result.measured_peak_bytes, result.plan.peak_bytes);
  else
    EXPECT_LE(result.measured_peak_bytes, result.plan.peak_bytes);
}

class ModelGolden : public testing::TestWithParam<fs::path> {};

TEST_P(ModelGolden, MatchesInFloat32) {
  const Golden golden = read_golden(GetParam());
  const ForwardResult result = run_golden(golden, golden.folder);
  EXPECT_LE(golden_error(golden, result.outputs), kFloat32Tolerance);
  check_peak(result);
}

TEST_P(ModelGolden, IsAsCloseInBf16AsTheReference) {
  const Golden golden = read_golden(GetParam());
  const ForwardResult result = run_golden(golden, golden.folder, {.precision = DType::bf16});
  // The reference's distance is one draw of a random sum; from few numbers it scatters by about
  // 1/sqrt(count), ours as well.
  double count = 0;
  for (const auto& [name, output] : golden.outputs) count += static_cast<double>(output.elements());
  const double allowed = 1.25 + 3 / std::sqrt(count);
  EXPECT_LE(golden_error(golden, result.outputs), allowed * golden.bf16_distance);
  EXPECT_GT(golden_error(golden, result.outputs), 0.05 * golden.bf16_distance) << "nothing was rounded";
}

TEST_P(ModelGolden, StreamsWithinTheSmallestBudget) {
  const Golden golden = read_golden(GetParam());
  int64_t smallest = 0;
  try {
    run_golden(golden, golden.folder, {.budget_bytes = 1});
    FAIL() << "one byte was enough";
  } catch (const FitError& error) {
    const std::string message = error.what();
    smallest = std::stoll(message.substr(message.find("--budget ") + 9));
  }
  const ForwardResult result = run_golden(golden, golden.folder, {.budget_bytes = smallest});
  EXPECT_LE(golden_error(golden, result.outputs), kFloat32Tolerance);
  EXPECT_LE(result.plan.peak_bytes, smallest);
  check_peak(result);
}

INSTANTIATE_TEST_SUITE_P(All, ModelGolden, testing::ValuesIn(all_goldens()), case_name);

// ---- Planted faults: each must be seen. ----

class PlantedFault : public testing::TestWithParam<fs::path> {};

bool is_read(const Golden& golden, const std::string& name) {
  const std::string part = golden.part();
  if (part == "decode")
    return name.find("encoder") == std::string::npos && name.find("quant_conv") != 0 &&
           name.find("conv1") != 0;
  if (part == "encode")
    return name.find("decoder") == std::string::npos && name.find("post_quant") == std::string::npos &&
           name.find("conv2") != 0;
  return true;
}

// Parameters that cannot show in these outputs: a bias that is added to every score of a softmax row alike
// (keys'), and the time convolutions of clips of one frame.
bool may_not_matter(const Golden& golden, const std::string& name) {
  const bool key_bias = name.find("to_k.bias") != std::string::npos ||
                        name.find(".k.bias") != std::string::npos ||
                        name.find("k_proj.bias") != std::string::npos;
  const auto& input = golden.inputs.begin()->second;
  return key_bias ||
         (name.find("time_conv") != std::string::npos && input.shape().rank() == 5 && input.shape()[2] == 1);
}

TEST_P(PlantedFault, AGainOfTwoPercentOnAnyWeightIsSeen) {
  const Golden golden = read_golden(GetParam());
  std::vector<std::string> unseen;
  for (const std::string& target : weight_names(golden)) {
    if (!is_read(golden, target) || may_not_matter(golden, target)) continue;
    const ChangedModel changed(golden, [&](const std::string& name, HostTensor& values) {
      if (name == target)
        for (float& value : values.f32()) value *= 1.02f;
    });
    if (golden_error(golden, run_golden(golden, changed.folder()).outputs) <= kFloat32Tolerance)
      unseen.push_back(target);
  }
  EXPECT_THAT(unseen, testing::IsEmpty());
}

TEST_P(PlantedFault, TwoSwappedChannelsAreSeen) {
  const Golden golden = read_golden(GetParam());
  std::vector<std::string> unseen;
  for (const std::string& target : weight_names(golden)) {
    if (!is_read(golden, target) || may_not_matter(golden, target)) continue;
    bool swapped = false;
    const ChangedModel changed(golden, [&](const std::string& name, HostTensor& values) {
      if (name != target || values.shape().rank() < 2 || values.shape()[0] < 2) return;
      const auto row = static_cast<size_t>(values.elements() / values.shape()[0]);
      std::swap_ranges(values.f32().begin(), values.f32().begin() + static_cast<std::ptrdiff_t>(row),
                       values.f32().begin() + static_cast<std::ptrdiff_t>(row));
      swapped = true;
    });
    if (swapped && golden_error(golden, run_golden(golden, changed.folder()).outputs) <= kFloat32Tolerance)
      unseen.push_back(target);
  }
  EXPECT_THAT(unseen, testing::IsEmpty());
}

TEST_P(PlantedFault, ASkippedLayerIsSeen) {
  const Golden golden = read_golden(GetParam());
  // Without its last projections a residual layer adds nothing.
  const ChangedModel changed(golden, [&](const std::string& name, HostTensor& values) {
    for (const char* last :
         {"layers.1.self_attn.o_proj", "layers.1.mlp.down_proj", "block.1.layer.0.SelfAttention.o",
          "block.1.layer.1.DenseReluDense.wo", "blocks.1.attn1.to_out", "blocks.1.attn2.to_out",
          "blocks.1.ffn.net.2", "mid_block.resnets.0.conv2"})
      if (name.find(last) != std::string::npos) std::fill(values.f32().begin(), values.f32().end(), 0.0f);
  });
  EXPECT_GT(golden_error(golden, run_golden(golden, changed.folder()).outputs), kFloat32Tolerance);
}

TEST_P(PlantedFault, OneFrameOrTokenTooLateIsSeen) {
  Golden golden = read_golden(GetParam());
  for (const char* name : {"sample", "hidden_states", "input_ids"}) {
    const auto found = golden.inputs.find(name);
    if (found == golden.inputs.end()) continue;
    HostTensor& input = found->second;
    // Along frames for clips, along tokens for text: everything one place later, the first repeated.
    const int axis = input.shape().rank() == 5 ? 2 : 1;
    const int64_t length = input.shape()[axis], outer = input.shape().elements(0, axis);
    const size_t step = input.bytes() / static_cast<size_t>(outer * length);
    auto* bytes = static_cast<char*>(input.data());
    for (int64_t o = 0; o < outer; ++o)
      std::memmove(bytes + static_cast<size_t>(o * length + 1) * step,
                   bytes + static_cast<size_t>(o * length) * step, static_cast<size_t>(length - 1) * step);
  }
  EXPECT_GT(golden_error(golden, run_golden(golden, golden.folder).outputs), kFloat32Tolerance);
}

std::vector<fs::path> fault_cases() {
  const fs::path models = fs::path(ZT_SOURCE_DIR) / "models";
  return {models / "llama/goldens/gqa_head_dim_llama3_v5",
          models / "umt5/goldens/masks",
          models / "wan/goldens/t2v",
          models / "wan/goldens/ti2v",
          models / "wan_vae/goldens/wan21_decode_f9",
          models / "wan_vae/goldens/wan21_encode_f9",
          models / "wan_vae/goldens/wan22_decode_f9"};
}

INSTANTIATE_TEST_SUITE_P(Cases, PlantedFault, testing::ValuesIn(fault_cases()), case_name);

}  // namespace
}  // namespace zoetrope
