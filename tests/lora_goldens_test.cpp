// LoRA files in every dialect against a forward whose weights the reference changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/cpu_device.h"
#include "formats/safetensors.h"
#include "nn/lora.h"
#include "pipeline/component.h"

namespace zoetrope {
namespace {

constexpr double kTolerance = 1e-5;  // as of a forward without a LoRA
const fs::path kFolder = fs::path(ZT_SOURCE_DIR) / "tests/data/lora";

using Loras = std::vector<std::pair<std::string, double>>;  // file's stem, strength

HostTensor sample_with(const Loras& loras, SessionOptions options = {}) {
  const auto device = make_cpu_device(2);
  const Component component(kFolder / "model");
  LoraSource source(component.binding());
  for (const auto& [name, strength] : loras)
    source.add(std::make_shared<const Lora>(
                   Lora::open(kFolder / (name + ".safetensors"), LoraSource::describe(component.denoiser()))),
               strength);
  TensorMap inputs = load_safetensors(kFolder / "in.safetensors");
  const Shape clip = inputs.at("hidden_states").shape(), text = inputs.at("encoder_hidden_states").shape();
  std::vector<Graph> graphs;
  graphs.push_back(component.denoiser().forward(
      {.batch = clip[0], .frames = clip[2], .height = clip[3], .width = clip[4], .text_length = text[1]}));
  if (!source.empty()) options.passes.push_back(source.pass());
  Session session(*device, source, std::move(graphs), std::move(options));
  InputMap views;
  for (auto& [name, tensor] : inputs) views[name] = tensor.view();
  HostTensor sample = std::move(session.run(0, views).at("sample"));
  EXPECT_EQ(session.measured_peak_bytes(), session.plan().peak_bytes);
  return sample;
}

double distance(const HostTensor& ours, const HostTensor& expected) {
  if (!(ours.shape() == expected.shape())) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < expected.f32().size(); ++i) {
    difference += std::pow(static_cast<double>(ours.f32()[i]) - expected.f32()[i], 2);
    norm += std::pow(static_cast<double>(expected.f32()[i]), 2);
  }
  const double relative = std::sqrt(difference / norm);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
}

// Names of the files here that end so, without the ending.
std::vector<std::string> names_ending(const std::string& ending, bool bad) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(ending) || name.starts_with("bad_") != bad) continue;
    names.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> dialects() {
  std::vector<std::string> names = names_ending(".out.safetensors", false);
  std::erase(names, "none");
  std::erase(names, "joined");
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

class LoraDialect : public testing::TestWithParam<std::string> {};

TEST_P(LoraDialect, ChangesTheOutputAsTheReferenceDoes) {
  const TensorMap expected = load_safetensors(kFolder / (GetParam() + ".out.safetensors"));
  const TensorMap none = load_safetensors(kFolder / "none.out.safetensors");
  ASSERT_FALSE(expected.empty());
  for (const auto& [name, sample] : expected) {
    ASSERT_TRUE(name.starts_with("sample@"));
    const double strength = std::stod(name.substr(7));
    EXPECT_LE(distance(sample_with({{GetParam(), strength}}), sample), kTolerance) << name;
    EXPECT_GT(distance(none.at("sample@0"), sample), 100 * kTolerance) << name << " changes nothing";
  }
}

TEST_P(LoraDialect, TwoPercentTooStrongIsSeen) {
  const TensorMap expected = load_safetensors(kFolder / (GetParam() + ".out.safetensors"));
  EXPECT_GT(distance(sample_with({{GetParam(), 1.02}}), expected.at("sample@1")), 4 * kTolerance);
}

TEST_P(LoraDialect, AtStrengthZeroIsNoLora) {
  const HostTensor with = sample_with({{GetParam(), 0.0}}), without = sample_with({});
  EXPECT_TRUE(std::equal(with.f32().begin(), with.f32().end(), without.f32().begin()));
}

INSTANTIATE_TEST_SUITE_P(All, LoraDialect, testing::ValuesIn(dialects()), test_name);

TEST(Lora, NoneIsTheModelItself) {
  const TensorMap none = load_safetensors(kFolder / "none.out.safetensors");
  EXPECT_LE(distance(sample_with({}), none.at("sample@0")), kTolerance);
}

TEST(Lora, SeveralAreJoined) {
  const fs::path file = kFolder / "joined.out.safetensors";
  Loras loras;
  const Json list = Json::parse(SafetensorsFile(file).metadata().at("loras"), file.string());
  for (const Json& entry : list.as_array())
    loras.emplace_back(entry.as_array()[0].as_string(), entry.as_array()[1].as_number());
  ASSERT_GE(loras.size(), 2u);
  const HostTensor expected = std::move(load_safetensors(file).at("sample"));
  EXPECT_LE(distance(sample_with(loras), expected), kTolerance);
  // Streamed as well: the branches are parameters like others.
  try {
    sample_with(loras, {.budget_bytes = 1});
    FAIL() << "one byte was enough";
  } catch (const FitError& error) {
    const std::string message = error.what();
    const int64_t smallest = std::stoll(message.substr(message.find("--budget ") + 9));
    EXPECT_LE(distance(sample_with(loras, {.budget_bytes = smallest}), expected), kTolerance);
  }
  for (size_t left_out = 0; left_out < loras.size(); ++left_out) {
    Loras fewer = loras;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_GT(distance(sample_with(fewer), expected), 4 * kTolerance) << loras[left_out].first;
  }
}

// However a parameter is asked for, the numbers are those of the whole one in float32.
TEST_P(LoraDialect, IsReadInEveryTypeAndInParts) {
  const Component component(kFolder / "model");
  LoraSource source(component.binding());
  source.add(std::make_shared<const Lora>(Lora::open(kFolder / (GetParam() + ".safetensors"),
                                                     LoraSource::describe(component.denoiser()))),
             0.7);
  std::vector<Graph> graphs = component.denoiser().smallest_graphs();
  Graph& graph = graphs[0];
  source.pass().run(graph);
  for (ValueId id : graph.all(ValueKind::parameter)) {
    const std::string& name = graph.value(id).name;
    const auto elements = static_cast<size_t>(graph.value(id).type.shape.elements());
    std::vector<float> whole(elements), part(elements / 2);
    source.read(name, DType::f32, whole.data());
    std::vector<uint16_t> expected(elements), narrow(elements);
    narrow_from_f32(DType::bf16, whole.data(), expected.data(), elements);
    source.read(name, DType::bf16, narrow.data());
    EXPECT_EQ(narrow, expected) << name;
    if (!source.has_parts(name)) continue;
    const size_t first = elements / 3;
    source.read_part(name, DType::f32, static_cast<int64_t>(first), std::ssize(part), part.data());
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)))
        << name;
  }
}

class BadLora : public testing::TestWithParam<std::string> {};

TEST_P(BadLora, IsRefusedByName) {
  try {
    sample_with({{"bad_" + GetParam(), 1.0}});
    FAIL() << "was taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("bad_" + GetParam() + ".safetensors"));
  }
}

std::vector<std::string> bad_files() {
  std::vector<std::string> names = names_ending(".safetensors", true);
  for (std::string& name : names) name = name.substr(4);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, BadLora, testing::ValuesIn(bad_files()), test_name);

}  // namespace
}  // namespace zoetrope
