// One layer of each model, its flops and bytes counted by hand: the numbers below follow from the papers'
// equations and the presets' sizes, not from the graph.
#include "forecast/cost_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "graph/passes.h"
#include "nn/preset.h"
#include "ops/attention.h"
#include "ops/causal_conv3d.h"
#include "ops/linear.h"

namespace zoetrope {
namespace {

struct Counted {
  std::map<WorkKind, double> flops;
  double weight_bytes = 0;
};

// Sums over the nodes of one scope, or that read a parameter of that name, with weights of two bytes.
Counted count(const Graph& graph, const std::string& prefix) {
  Counted out;
  const auto belongs = [&](const Node& node) {
    return node.scope.starts_with(prefix) ||
           std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return id != kNoValue && graph.value(id).kind == ValueKind::parameter &&
                    graph.value(id).name.starts_with(prefix);
           });
  };
  for (const Node& node : graph.nodes()) {
    if (!belongs(node)) continue;
    const Work work = work_of(graph, node, {});
    out.flops[work.kind] += work.flops;
    for (const ValueId id : node.inputs)
      if (id != kNoValue && graph.value(id).kind == ValueKind::parameter)
        out.weight_bytes += 2.0 * static_cast<double>(graph.value(id).type.shape.elements());
  }
  return out;
}

// A block of the 14 B transformer at 832x1216, 81 frames: L = 21 * 76 * 52 = 82,992 tokens, D = 5120,
// feed-forward 13,824, text 512 tokens. Products: q, k, v, o over L; cross-attention's q and o over L, k and
// v over the text; two of the feed-forward. Attention: 4 L L D and 4 L 512 D.
TEST(Cost, OneBlockOfTheTransformer) {
  const auto model = preset("wan2.2-t2v-a14b").model();
  const Graph graph =
      dynamic_cast<const DenoiserModel&>(*model).forward({.frames = 21, .height = 152, .width = 104});
  const Counted block = count(graph, "blocks.7");
  const double L = 82992, D = 5120, F = 13824, T = 512;
  EXPECT_DOUBLE_EQ(block.flops.at(WorkKind::product), 2 * L * (6 * D * D + 2 * D * F) + 2 * T * 2 * D * D);
  EXPECT_DOUBLE_EQ(block.flops.at(WorkKind::attention), 4 * L * L * D + 4 * L * T * D);
  // Weights and biases of the eight square products and the two of the feed-forward, four RMS norms over D,
  // the affine norm before cross-attention; the modulation's table of 6 D is read six times, by row.
  EXPECT_DOUBLE_EQ(block.weight_bytes, 2 * (8 * (D * D + D) + 2 * D * F + F + D + 4 * D + 2 * D + 6 * 6 * D));
}

// A layer of UMT5-XXL over 512 tokens: D = 4096, 64 heads of 64, feed-forward 10,240, gated.
TEST(Cost, OneLayerOfTheTextEncoder) {
  const auto model = preset("umt5-xxl").model();
  const Graph graph = dynamic_cast<const TextEncoderModel&>(*model).encode(1, 512);
  const Counted layer = count(graph, "encoder.block.5");
  const double T = 512, D = 4096, F = 10240;
  EXPECT_DOUBLE_EQ(layer.flops.at(WorkKind::product), 2 * T * (4 * D * D + 3 * D * F));
  EXPECT_DOUBLE_EQ(layer.flops.at(WorkKind::attention), 4 * T * T * D);
  EXPECT_DOUBLE_EQ(layer.weight_bytes, 2 * (4 * D * D + 3 * D * F + 2 * D + 32 * 64));
}

// The middle of the 2.1 decoder, a latent frame of 152 x 104 with 384 channels: two residual blocks of two
// 3x3x3 convolutions and two norms, and between them one-head attention within the frame, whose q, k and v
// are one product.
TEST(Cost, TheMiddleOfTheAutoencoder) {
  const auto model = preset("wan2.1-vae").model();
  const auto& vae = dynamic_cast<const AutoencoderModel&>(*model);
  const Graph graph = vae.decode_chunk({.height = 152, .width = 104, .first = false});
  const Counted middle = count(graph, "decoder.middle.");
  const double area = 152 * 104, C = 384;
  EXPECT_DOUBLE_EQ(middle.flops.at(WorkKind::convolution), 4 * 2 * area * C * C * 27);
  EXPECT_DOUBLE_EQ(count(graph, "").flops.at(WorkKind::attention),
                   4 * area * area * C);  // the only one there is
  EXPECT_DOUBLE_EQ(middle.flops.at(WorkKind::product), 2 * area * 4 * C * C);
  EXPECT_DOUBLE_EQ(middle.weight_bytes, 2 * (4 * (27 * C * C + C) + 4 * C + C + 4 * C * C + 4 * C));
}

TEST(Cost, BytesAreEachOperandOnceInItsOwnType) {
  Graph g("test");
  const Tensor x = g.input("x", DType::f32, {1, 1000, 64});
  g.output("y", linear(x, g.parameter("w", {32, 64})));
  EXPECT_DOUBLE_EQ(work_of(g, g.nodes()[0], {}).bytes, 4.0 * (1000 * 64 + 32 * 64 + 1000 * 32));
  assign_types(DType::bf16).run(g);
  g.value(g.find(ValueKind::parameter, "w")).type.dtype = DType::bf16;
  EXPECT_DOUBLE_EQ(work_of(g, g.nodes()[0], {}).bytes, 2.0 * (1000 * 64 + 32 * 64 + 1000 * 32));
}

TEST(Cost, TilesAndWavesWaste) {
  EXPECT_DOUBLE_EQ(tile_efficiency(128 * 132, 256, 132), 1.0);
  EXPECT_DOUBLE_EQ(tile_efficiency(128 * 133, 256, 132), 133.0 / 264);  // a second wave for one tile
  EXPECT_DOUBLE_EQ(tile_efficiency(128 * 132 - 64, 256, 132), (132 - 0.5) / 132);
  EXPECT_DOUBLE_EQ(tile_efficiency(1, 4096, 132), 1.0);
}

// What was measured comes back: the forward's own attention and products on the chip of the curves.
TEST(Cost, MeasuredPointsComeBack) {
  const Gpu h200 = find_gpu("h200");
  const Work attention{
      .kind = WorkKind::attention, .flops = 4.0 * 82992 * 82992 * 5120, .size = 82992, .head = 128};
  EXPECT_NEAR(seconds_of(attention, h200), 0.253, 0.253 * 0.01);  // cuDNN, measured
  const Work product{.kind = WorkKind::product,
                     .flops = 2.0 * 82992 * 13824 * 5120,
                     .size = 2.0 * 82992 * 13824 * 5120,
                     .rows = 82992,
                     .columns = 13824};
  EXPECT_NEAR(seconds_of(product, h200), product.flops / 705e12, 0.03 * product.flops / 705e12);
  const Work copy{.bytes = 2 * 8e9, .size = 2 * 8e9};
  EXPECT_NEAR(seconds_of(copy, h200), 2 * 8e9 / 4.25e12, 1e-5);
}

TEST(Cost, CalibrationScalesRates) {
  Gpu gpu = find_gpu("rtx-5090");
  const Work work{.kind = WorkKind::attention, .flops = 1e15, .size = 50000, .head = 128};
  const double before = seconds_of(work, gpu) - gpu.efficiency.launch_gap;
  gpu.calibration = Calibration{.rate_scale = 2, .attention_ratio = 1.5};
  EXPECT_NEAR(seconds_of(work, gpu) - gpu.efficiency.launch_gap, before / 3, 1e-9 * before);
}

}  // namespace
}  // namespace zoetrope
