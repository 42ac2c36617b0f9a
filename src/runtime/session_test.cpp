#include "runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <sstream>

#include "ops/linear.h"
#include "ops/registry.h"
#include "ops/unary.h"
#include "ops/write_state.h"
#include "pipeline/autoencoding.h"
#include "runtime/session_testing.h"
#include "story/session_model.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

// Runs every graph in turn on the same inputs each time; the outputs are those of the last.
std::vector<GraphBuffers> run_all(Session& session) {
  std::vector<GraphBuffers> buffers;
  for (size_t g = 0; g < session.graph_count(); ++g) {
    buffers.emplace_back(session.graph(g), static_cast<uint32_t>(13 * g + 5));
    session.run(g, buffers.back().input_views, buffers.back().output_views);
  }
  return buffers;
}

double distance(const GraphBuffers& ours, const GraphBuffers& expected) {
  double difference = 0, norm = 0;
  for (const auto& [name, tensor] : expected.outputs)
    for (size_t i = 0; i < tensor.f32().size(); ++i) {
      difference += std::pow(static_cast<double>(ours.outputs.at(name).f32()[i]) - tensor.f32()[i], 2);
      norm += std::pow(static_cast<double>(tensor.f32()[i]), 2);
    }
  return std::sqrt(difference / norm);
}

class NoParameters final : public ParameterSource {
 public:
  DType stored_type(const std::string& name) const override { throw InternalError(name); }
  void read(const std::string& name, DType, void*) const override { throw InternalError(name); }
};

// "put" writes its input into a state of three rows at `position`; "get" gives twice the state.
std::vector<Graph> state_graphs() {
  std::vector<Graph> graphs;
  Graph put("put");
  const Tensor state = put.state("memory", DType::f32, {3, 2});
  write_state(state, put.input("x", DType::f32, {1, 2}), 0, 0, put.input("position", DType::i32, {1}));
  put.output("all", scaled(state, 1.0f));
  graphs.push_back(std::move(put));
  Graph get("get");
  get.output("twice", scaled(get.state("memory", DType::f32, {3, 2}), 2.0f));
  graphs.push_back(std::move(get));
  return graphs;
}

TEST(SessionState, IsSharedByItsGraphsAndKeptBetweenRuns) {
  const auto device = make_cpu_device(1);
  const NoParameters none;
  Session session(*device, none, state_graphs());
  EXPECT_EQ(session.plan().state_bytes, 3 * 2 * 4);
  auto put = [&](float value, int32_t position) {
    HostTensor x = HostTensor::from_f32({1, 2}, std::vector<float>{value, -value}), at(DType::i32, {1});
    at.i32()[0] = position;
    session.run(0, {{"x", x.view()}, {"position", at.view()}});
  };
  auto get = [&] {
    const TensorMap out = session.run(1, {});
    const auto values = out.at("twice").f32();
    return std::vector<float>(values.begin(), values.end());
  };
  EXPECT_THAT(get(), testing::Each(0.0f));
  put(5, 1);
  put(3, 2);
  EXPECT_THAT(get(), testing::ElementsAre(0, 0, 10, -10, 6, -6));
  put(4, 1);
  EXPECT_THAT(get(), testing::ElementsAre(0, 0, 8, -8, 6, -6));
  session.reset_state();
  EXPECT_THAT(get(), testing::Each(0.0f));
}

TEST(SessionInputs, OfAnotherShapeOrMissingAreRefused) {
  const auto device = make_cpu_device(1);
  const NoParameters none;
  Session session(*device, none, state_graphs());
  HostTensor right(DType::f32, {1, 2}), wrong(DType::f32, {2, 1}), at(DType::i32, {1});
  EXPECT_THROW(session.run(0, {{"x", wrong.view()}, {"position", at.view()}}), InternalError);
  EXPECT_THROW(session.run(0, {{"x", right.view()}}), InternalError);
  EXPECT_THROW(session.run(0, {{"x", right.view()}, {"position", right.view()}}), InternalError);
  EXPECT_THROW(session.run(1, {}, {{"none", right.view()}}), InternalError);
  EXPECT_NO_THROW(session.run(0, {{"x", right.view()}, {"position", at.view()}}));
}

// Sixteenths between -1 and 1: sums of their products are exact in float32, in whatever order.
HostTensor sixteenths(const Shape& shape, uint32_t seed) {
  HostTensor out = test_values(DType::f32, shape, seed);
  for (float& value : out.f32()) value = std::round(value * 16) / 16;
  return out;
}

class Sixteenths final : public ParameterSource {
 public:
  DType stored_type(const std::string&) const override { return DType::f32; }
  void read(const std::string& name, DType as, void* destination) const override {
    const Shape shape = name == "w1" ? Shape{50, 12} : name == "w2" ? Shape{12, 50} : Shape{50};
    const HostTensor values = sixteenths(shape, static_cast<uint32_t>(name[0] + name[1]));
    narrow_from_f32(as, values.f32().data(), destination, values.f32().size());
  }
};

TEST(SessionPrecision, AFusedFeedForwardRoundsAsItsPartsDo) {
  const auto device = make_cpu_device(2);
  const Sixteenths source;
  HostTensor x = sixteenths({30, 12}, 1);
  auto run = [&](SessionOptions options, size_t nodes) {
    Graph g("feed_forward");
    const Tensor hidden =
        linear(g.input("x", DType::f32, {30, 12}), g.parameter("w1", {50, 12}), g.parameter("b1", {50}));
    g.output("y", linear(unary(UnaryKind::relu, hidden), g.parameter("w2", {12, 50})));
    Session session(*device, source, one_graph(std::move(g)), std::move(options));
    EXPECT_EQ(session.graph(0).nodes().size(), nodes);
    const TensorMap out = session.run(0, {{"x", x.view()}});
    const auto values = out.at("y").f32();
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> fused = run({.precision = DType::bf16}, 1);
  EXPECT_EQ(fused, run({.precision = DType::bf16, .passes_off = {"fuse_feed_forward"}}, 3));
  // Rounded at the end alone they would be others.
  std::vector<float> at_the_end = run({}, 1);
  round_to(DType::bf16, at_the_end.data(), at_the_end.size());
  EXPECT_NE(fused, at_the_end);
}

class SessionOfModel : public testing::TestWithParam<std::string> {
 protected:
  Component component_{source_folder(GetParam())};
  std::unique_ptr<Device> device_ = make_cpu_device(2);
  std::unique_ptr<Session> session(SessionOptions options = {}) {
    return std::make_unique<Session>(*device_, component_.binding(), test_graphs(component_),
                                     std::move(options));
  }
};

TEST_P(SessionOfModel, FitsEveryBudgetFromTheSmallestOn) {
  const int64_t smallest = smallest_budget(*device_, component_.binding(), test_graphs(component_));
  EXPECT_THROW(session({.budget_bytes = smallest - 1}), FitError);
  const auto free = session();
  const std::vector<GraphBuffers> expected = run_all(*free);
  const int64_t largest = free->plan().peak_bytes;
  EXPECT_EQ(free->plan().residency, Residency::widened);
  ASSERT_GE(largest, smallest);
  if (GetParam().starts_with("assets")) {
    EXPECT_GT(session({.budget_bytes = smallest})->plan().streamed_bytes, 0);
  }
  int64_t streamed = INT64_MAX;
  for (int step = 0; step <= 10; ++step) {
    const int64_t budget = smallest + (largest - smallest) * step / 10;
    const auto tight = session({.budget_bytes = budget});
    EXPECT_LE(tight->plan().peak_bytes, budget);
    EXPECT_LE(tight->plan().streamed_bytes, streamed) << "more is fetched under a larger budget";
    streamed = tight->plan().streamed_bytes;
    const std::vector<GraphBuffers> outputs = run_all(*tight);
    for (size_t g = 0; g < outputs.size(); ++g)
      EXPECT_LE(distance(outputs[g], expected[g]), 1e-6) << "budget " << budget << ", graph " << g;
    EXPECT_EQ(tight->measured_peak_bytes(), tight->plan().peak_bytes) << "budget " << budget;
  }
  EXPECT_EQ(streamed, 0);
}

TEST_P(SessionOfModel, TheSameInputsGiveTheSameBytes) {
  for (int threads : {1, 2}) {
    device_ = make_cpu_device(threads);
    const auto first = session(), second = session();
    const std::vector<GraphBuffers> expected = run_all(*first), other = run_all(*second);
    first->reset_state();
    const std::vector<GraphBuffers> again = run_all(*first);
    for (size_t g = 0; g < expected.size(); ++g) {
      EXPECT_EQ(again[g].bytes(), expected[g].bytes()) << "again, " << threads << " threads, graph " << g;
      EXPECT_EQ(other[g].bytes(), expected[g].bytes()) << "anew, " << threads << " threads, graph " << g;
    }
  }
}

TEST_P(SessionOfModel, PassesCanBeSwitchedOff) {
  const auto with = session();
  const std::vector<GraphBuffers> expected = run_all(*with);
  for (const PassReport& pass : with->pass_reports()) {
    EXPECT_FALSE(pass.skipped) << pass.name;
    const auto without = session({.passes_off = {pass.name}});
    for (const PassReport& report : without->pass_reports())
      EXPECT_EQ(report.skipped, report.name == pass.name) << report.name;
    const std::vector<GraphBuffers> outputs = run_all(*without);
    for (size_t g = 0; g < outputs.size(); ++g)
      EXPECT_LE(distance(outputs[g], expected[g]), 1e-6) << "without " << pass.name << ", graph " << g;
  }
  try {
    session({.passes_off = {"fuse_everything"}});
    FAIL() << "an unknown pass was taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("fuse_everything"));
  }
}

// One line a step: number, op, where, shape, kernel, workspace, offset, life, flops, bytes.
TEST_P(SessionOfModel, ExplainsEveryStep) {
  const auto explained = session();
  std::istringstream text(explained->explain());
  std::string line;
  const std::regex ending(R"(\s(\d+)\s+(\d+|-)\s+(\d+-\d+|-)\s+[\d.e+]+\s+[\d.e+]+$)");
  for (size_t g = 0; g < explained->graph_count(); ++g) {
    const Graph& graph = explained->graph(g);
    while (std::getline(text, line) && !line.starts_with("graph " + graph.name() + ":")) {
    }
    for (size_t n = 0; n < graph.nodes().size(); ++n) {
      const Node& node = graph.nodes()[n];
      const NodeView view = graph.view(node);
      if (node.op->view_offset(view)) continue;  // costs nothing: another name for the same bytes
      const std::regex start("^\\s*" + std::to_string(n + 1) + " " + std::string(node.op->name()) + " ");
      bool found = false;
      while (!found && std::getline(text, line)) found = std::regex_search(line, start);
      ASSERT_TRUE(found) << graph.name() << ", node " << n + 1 << " (" << node.op->name() << ")";
      EXPECT_THAT(line, HasSubstr(find_kernel(DeviceKind::cpu, *node.op, view)->name()));
      EXPECT_THAT(line, HasSubstr(node.scope));
      std::smatch numbers;
      ASSERT_TRUE(std::regex_search(line, numbers, ending)) << line;
      if (!node.outputs.empty()) {
        EXPECT_THAT(line, HasSubstr(view.out().text()));
        EXPECT_NE(numbers[2], "-") << line;
      }
    }
  }
}

TEST_P(SessionOfModel, PlansNextToTheLowerBound) {
  const SessionPlan plan = session()->plan();
  EXPECT_GE(plan.arena_bytes, plan.arena_lower_bound);
  EXPECT_LE(static_cast<double>(plan.arena_bytes), 1.05 * static_cast<double>(plan.arena_lower_bound));
}

INSTANTIATE_TEST_SUITE_P(Goldens, SessionOfModel, testing::ValuesIn(golden_models()),
                         [](const auto& info) { return test_name(info.param); });
INSTANTIATE_TEST_SUITE_P(Shipped, SessionOfModel, testing::ValuesIn(shipped_models()),
                         [](const auto& info) { return test_name(info.param); });

// The shipped models at the sizes at which they are used.
TEST(ShippedModels, ArePlannedNextToTheLowerBound) {
  const auto device = make_cpu_device(2);
  auto check = [](const Session& session, const std::string& what) {
    const SessionPlan& plan = session.plan();
    EXPECT_LE(static_cast<double>(plan.arena_bytes), 1.05 * static_cast<double>(plan.arena_lower_bound))
        << what << ": " << plan.text();
  };
  const Component writer(source_folder("assets/demo/writer"));
  check(SessionModel(writer.language_model(), writer.binding(), *device, 2048).session(), "writer");
  const Component text(source_folder("assets/demo/video/text_encoder"));
  for (int64_t length : {1, 20, 512})
    check(Session(*device, text.binding(), one_graph(text.text_encoder().encode(1, length))), "text encoder");
  const Component expert(source_folder("assets/demo/video/transformer"));
  const Component pictures(source_folder("assets/demo/video/vae"));
  for (int64_t frames : {33, 49, 65}) {
    const std::string size = "192x112, " + std::to_string(frames) + " frames";
    const int64_t latent_frames = (frames - 1) / 4 + 1;
    check(Session(*device, expert.binding(),
                  one_graph(expert.denoiser().forward(
                      {.frames = latent_frames, .height = 14, .width = 24, .timestep_per_token = true}))),
          "transformer " + size);
    ClipDecoder decoder(pictures, *device, {}, {1, 16, latent_frames, 14, 24});
    check(decoder.session(), "decoder " + size);
    ClipEncoder encoder(pictures, *device, {}, {1, 3, frames, 112, 192});
    check(encoder.session(), "encoder " + size);
  }
}

// Asks for a stop while parameters are fetched, in the middle of a run.
class StoppingSource final : public ParameterSource {
 public:
  explicit StoppingSource(const ParameterSource& base) : base_(base) {}
  DType stored_type(const std::string& name) const override { return base_.stored_type(name); }
  void read(const std::string& name, DType as, void* destination) const override {
    ++reads;
    if (reads == stop_at) request_stop();
    base_.read(name, as, destination);
  }
  mutable int reads = 0;
  int stop_at = -1;

 private:
  const ParameterSource& base_;
};

TEST(SessionInterrupt, EndsARunBetweenTwoStepsAndTheNextRunIsWhole) {
  const auto device = make_cpu_device(2);
  const Component component(source_folder("assets/demo/video/transformer"));
  StoppingSource source(component.binding());
  const int64_t budget = smallest_budget(*device, source, test_graphs(component));
  Session session(*device, source, test_graphs(component), {.budget_bytes = budget});
  const std::string expected = run_all(session)[0].bytes();
  const int reads_before = source.reads;
  run_all(session);
  const int reads_of_a_run = source.reads - reads_before;
  ASSERT_GT(reads_of_a_run, 4);

  source.reads = 0;
  source.stop_at = reads_of_a_run / 2;
  EXPECT_THROW(run_all(session), Interrupted);
  EXPECT_TRUE(stop_requested());
  EXPECT_LT(source.reads, reads_of_a_run) << "it ran to the end";
  EXPECT_THROW(run_all(session), Interrupted) << "the request stands";
  clear_stop();
  EXPECT_FALSE(stop_requested());
  source.stop_at = -1;
  EXPECT_EQ(run_all(session)[0].bytes(), expected);
}

}  // namespace
}  // namespace zoetrope
