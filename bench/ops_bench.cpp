// The kernels that take the time, at the demo's sizes: `ops_bench [part of a name] [threads]`. One thread:
// seconds of processor time, which other programs on the machine disturb least. More threads: seconds of the
// clock. The least of many runs is printed. bench/ops_torch.py measures the same cases in PyTorch.
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <vector>

#include "cpu/cpu_device.h"
#include "ops/attention.h"
#include "ops/causal_conv3d.h"
#include "ops/feed_forward.h"
#include "ops/linear.h"
#include "ops/registry.h"
#include "ops/rms_norm.h"

namespace {

using namespace zoetrope;

struct Case {
  std::string name;
  std::function<void(Graph&)> build;  // the last node is the one that is measured
};

double seconds(int threads) {
  timespec now;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(const Case& one, int threads) {
  const auto device = make_cpu_device(threads);
  Graph graph(one.name);
  one.build(graph);
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.2f);
  std::vector<std::unique_ptr<Buffer>> memory;
  auto take = [&](size_t bytes) { return memory.emplace_back(device->allocate(bytes))->data(); };
  std::vector<TensorView> values;
  for (const Value& value : graph.values()) {
    TensorView view{nullptr, value.type.dtype, value.type.shape};
    view.data = take(view.bytes());
    for (int64_t i = 0; i < view.shape.elements(); ++i) view.as<float>()[i] = normal(random);
    values.push_back(view);
  }
  const Node& node = graph.nodes().back();
  const NodeView view = graph.view(node);
  const Kernel& kernel = *find_kernel(DeviceKind::cpu, *node.op, view);
  std::vector<TensorView> inputs, outputs;
  for (ValueId id : node.inputs)
    inputs.push_back(id == kNoValue ? TensorView{} : values[static_cast<size_t>(id)]);
  for (ValueId id : node.outputs) outputs.push_back(values[static_cast<size_t>(id)]);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (const size_t bytes = inputs[i].data ? kernel.packed_bytes(view, i, device->spec()) : 0) {
      void* packed = take(bytes);
      kernel.pack(view, i, inputs[i].as<float>(), packed, device->spec());
      inputs[i].data = packed;
    }
  void* workspace = take(kernel.workspace(view, device->spec()));
  const auto prepared = kernel.prepare(view, device->spec());
  double least = 1e9, total = 0;
  for (int run = 0; run < 400 && (run < 5 || total < 0.6); ++run) {
    const double start = seconds(threads);
    prepared->launch({inputs, outputs, workspace});
    const double took = seconds(threads) - start;
    total += took;
    if (run > 0) least = std::min(least, took);
  }
  const Cost cost = node.op->cost(view);
  fmt::print("{:<38} {:9.3f} ms {:8.1f} GFLOP/s {:7.1f} GB/s\n", one.name, least * 1e3,
             cost.flops / least * 1e-9, cost.bytes / least * 1e-9);
}

Case attention_case(int64_t queries, int64_t keys, int64_t heads, int64_t depth) {
  return {fmt::format("attention {}x{} {} heads of {}", queries, keys, heads, depth), [=](Graph& g) {
            Tensor q = g.input("q", DType::f32, {1, queries, heads, depth});
            Tensor k = g.input("k", DType::f32, {1, keys, heads, depth});
            Tensor v = g.input("v", DType::f32, {1, keys, heads, depth});
            attention(q, k, v, {.scale = 0.18f});
          }};
}

struct Layer {
  int64_t frames, rows, columns, in, out, kt, k, upsample = 1;
};

Case convolution_case(const Layer& s) {
  return {fmt::format("conv {}x{}x{} {}->{} {}x{}x{}{}", s.frames, s.rows, s.columns, s.in, s.out, s.kt, s.k,
                      s.k, s.upsample == 2 ? " doubled" : ""),
          [=](Graph& g) {
            const int64_t pad = s.k / 2;
            Tensor x = g.input("x", DType::f32, {1, s.frames, s.rows, s.columns, s.in});
            Tensor cache =
                s.kt > 1 ? g.state("cache", DType::f32, {1, s.kt - 1, s.rows, s.columns, s.in}) : Tensor();
            causal_conv3d(x, g.parameter("w", {s.out, s.in, s.kt, s.k, s.k}),
                          g.input("b", DType::f32, {s.out}), cache,
                          {1, 1, 1, pad, pad, pad, pad, s.kt - 1, s.upsample});
          }};
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (int64_t tokens : {384, 756, 1428, 2856}) cases.push_back(attention_case(tokens, tokens, 5, 32));
  cases.push_back(attention_case(1428, 512, 5, 32));
  cases.push_back(attention_case(2048, 2048, 4, 128));
  cases.push_back(attention_case(1, 1024, 8, 64));
  const Layer layers[] = {
      {4, 112, 192, 16, 16, 3, 3},  {1, 112, 192, 16, 16, 3, 3}, {4, 56, 96, 32, 32, 3, 3},
      {1, 56, 96, 32, 32, 3, 3},    {2, 28, 48, 64, 64, 3, 3},   {1, 14, 24, 64, 64, 3, 3},
      {4, 112, 192, 16, 3, 3, 3},   {4, 112, 192, 3, 16, 3, 3},  {4, 56, 96, 32, 16, 1, 3, 2},
      {4, 28, 48, 64, 32, 1, 3, 2}, {2, 28, 48, 64, 128, 3, 1},  {4, 30, 52, 384, 384, 3, 3}};
  for (const Layer& layer : layers) cases.push_back(convolution_case(layer));
  for (int64_t tokens : {756, 1428}) {
    cases.push_back({fmt::format("feed_forward {} 160-640-160", tokens), [=](Graph& g) {
                       const FeedForwardWeights w{
                           g.parameter("w1", {640, 160}), g.input("b1", DType::f32, {640}),
                           g.parameter("w2", {160, 640}), g.input("b2", DType::f32, {160})};
                       feed_forward(g.input("x", DType::f32, {tokens, 160}), w, UnaryKind::gelu_tanh, 0);
                     }});
    cases.push_back({fmt::format("linear {} 160-160", tokens), [=](Graph& g) {
                       linear(g.input("x", DType::f32, {tokens, 160}), g.parameter("w", {160, 160}),
                              g.input("b", DType::f32, {160}));
                     }});
  }
  cases.push_back({"norm and silu 4x112x192x16", [](Graph& g) {
                     l2_norm(g.input("x", DType::f32, {4, 112, 192, 16}), g.parameter("w", {16}), true);
                   }});
  return cases;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string part = count > 1 ? arguments[1] : "";
  const int threads = count > 2 ? std::max(1, std::atoi(arguments[2])) : 1;
  for (const Case& one : all_cases())
    if (one.name.find(part) != std::string::npos) measure(one, threads);
}
