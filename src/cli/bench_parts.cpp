#include "cli/bench_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "formats/model_folder.h"
#include "nn/preset.h"
#include "nn/random_weights.h"
#include "pipeline/component.h"
#include "pipeline/stages.h"
#include "pipeline/text_encoding.h"
#include "sampling/noise.h"

namespace zoetrope {
namespace {

// One component, from a folder or from a preset, with weights from a file or from a seed.
class Subject {
 public:
  // `part`: the component's name in a pipeline folder.
  Subject(const BenchRequest& request, const std::string& part) {
    const fs::path given = request.model;
    if (!fs::exists(given)) {
      if (!request.random_weights)
        throw UsageError("'" + request.model + "' is no folder, and a preset has no weights", "--model",
                         "give --random-weights with a preset's name");
      const Preset& named = preset(request.model);
      if (part == "transformer" && named.video) timestep_per_token = named.video->timestep_per_token;
      own_model_ = (named.video && part != "transformer"
                        ? preset(part == "vae" ? named.video->autoencoder : named.video->text_encoder)
                        : named)
                       .model();
      model_ = own_model_.get();
    } else {
      const bool pipeline = fs::exists(given / "model_index.json");
      component_ = std::make_unique<Component>(pipeline ? ModelFolder::open(given).at(part).folder : given);
      model_ = &component_->model();
    }
    if (request.random_weights) random_ = std::make_unique<RandomWeights>(*model_);
  }

  template <class Role>
  const Role& as(const char* name) const {
    if (const auto* role = dynamic_cast<const Role*>(model_)) return *role;
    throw UsageError(std::string("the model is not ") + name, "--model");
  }
  const ParameterSource& weights() const {
    return random_ ? static_cast<const ParameterSource&>(*random_) : component_->binding();
  }

  bool timestep_per_token = false;

 private:
  std::unique_ptr<Component> component_;
  std::unique_ptr<Model> own_model_;
  std::unique_ptr<RandomWeights> random_;
  const Model* model_ = nullptr;
};

// What one latent pixel and frame stand for: as the autoencoder beside a transformer says.
AutoencoderTraits traits_beside(const BenchRequest& request) {
  const fs::path given = request.model;
  if (!fs::exists(given) || fs::exists(given / "model_index.json"))
    return Subject(request, "vae").as<AutoencoderModel>("an autoencoder").traits();
  const fs::path pipeline = given.parent_path();
  if (!fs::exists(pipeline / "model_index.json")) return {};
  return Component(ModelFolder::open(pipeline).at("vae").folder).autoencoder().traits();
}

HostTensor random_tensor(const Shape& shape, uint64_t stream) {
  HostTensor tensor(DType::f32, shape);
  fill_normal(1, stream, 0, tensor.f32());
  return tensor;
}

Shape latent_shape(const BenchRequest& r, const AutoencoderTraits& traits, int64_t channels) {
  const int64_t side = traits.spatial_factor, time = traits.temporal_factor;
  if (r.width % side || r.height % side || (r.frames - 1) % time)
    throw UsageError(fmt::format("{}x{} and {} frames do not divide: pixels by {}, frames as {}n+1", r.width,
                                 r.height, r.frames, side, time),
                     "--size, --frames");
  return {1, channels, (r.frames - 1) / time + 1, r.height / side, r.width / side};
}

// Loads, warms up, and times runs of which each leaves the device idle.
BenchResult measure(const BenchRequest& r, Device& device, Session& session,
                    const std::function<void()>& once) {
  BenchResult result;
  const Stopwatch loading;
  session.load();
  device.synchronize();
  result.load_seconds = loading.seconds();
  const auto whole = [&] {
    once();
    device.synchronize();
  };
  const Stopwatch warming;
  do whole();
  while (warming.seconds() < r.warm_up_seconds);
  for (int i = 0; i < r.runs; ++i) {
    const Stopwatch watch;
    whole();
    result.seconds.push_back(watch.seconds());
  }
  std::sort(result.seconds.begin(), result.seconds.end());
  result.plan = session.plan();
  result.measured_peak_bytes = session.measured_peak_bytes();
  result.device_used_bytes = device.used_bytes();
  if (r.explain) result.explanation = session.explain();
  return result;
}

std::vector<Graph> one(Graph graph) {
  std::vector<Graph> graphs;
  graphs.push_back(std::move(graph));
  return graphs;
}

// A clip's first chunk, and the others: how often each graph runs, on which input.
BenchResult bench_chunks(const BenchRequest& r, Device& device, Session& session, int64_t chunks) {
  std::vector<HostTensor> inputs;
  for (size_t g = 0; g < session.graph_count(); ++g)
    inputs.push_back(
        random_tensor(session.graph(g).value(session.graph(g).all(ValueKind::input)[0]).type.shape, g));
  BenchResult result = measure(r, device, session, [&] {
    session.reset_state();
    for (int64_t c = 0; c < chunks; ++c) session.run(c ? 1 : 0, {{"sample", inputs[c ? 1 : 0].view()}}, {});
  });
  result.flops = session.graph(0).cost().flops;
  if (chunks > 1) result.flops += static_cast<double>(chunks - 1) * session.graph(1).cost().flops;
  if (r.profile) result.steps = session.profile(chunks > 1, {{"sample", inputs[chunks > 1].view()}});
  return result;
}

}  // namespace

BenchResult bench_forward(const BenchRequest& r, Device& device, const SessionOptions& options) {
  const Subject subject(r, "transformer");
  const auto& model = subject.as<DenoiserModel>("a diffusion transformer");
  const DenoiserTraits traits = model.traits();
  const Shape s = latent_shape(r, traits_beside(r), traits.in_channels);
  Session session(device, subject.weights(),
                  one(model.forward({.frames = s[2],
                                     .height = s[3],
                                     .width = s[4],
                                     .text_length = kTextTokens,
                                     .timestep_per_token = subject.timestep_per_token})),
                  options);
  const Graph& graph = session.graph(0);
  HostTensor latents = random_tensor(s, 0), text = random_tensor({1, kTextTokens, traits.text_width}, 1);
  HostTensor time(DType::f32, graph.value(graph.find(ValueKind::input, "timestep")).type.shape);
  std::fill(time.f32().begin(), time.f32().end(), 500.0f);
  HostTensor out(DType::f32, {1, traits.out_channels, s[2], s[3], s[4]});
  const InputMap inputs = {
      {"hidden_states", latents.view()}, {"timestep", time.view()}, {"encoder_hidden_states", text.view()}};
  BenchResult result = measure(r, device, session, [&] { session.run(0, inputs, {{"sample", out.view()}}); });
  result.flops = graph.cost().flops;
  if (r.profile) result.steps = session.profile(0, inputs);
  return result;
}

BenchResult bench_decode(const BenchRequest& r, Device& device, const SessionOptions& options) {
  const Subject subject(r, "vae");
  const auto& model = subject.as<AutoencoderModel>("an autoencoder");
  const Shape s = latent_shape(r, model.traits(), model.traits().latent_channels);
  std::vector<Graph> graphs = one(model.decode_chunk({.height = s[3], .width = s[4]}));
  if (s[2] > 1) graphs.push_back(model.decode_chunk({.height = s[3], .width = s[4], .first = false}));
  Session session(device, subject.weights(), std::move(graphs), options);
  return bench_chunks(r, device, session, s[2]);
}

BenchResult bench_encode(const BenchRequest& r, Device& device, const SessionOptions& options) {
  const Subject subject(r, "vae");
  const auto& model = subject.as<AutoencoderModel>("an autoencoder");
  latent_shape(r, model.traits(), 1);
  std::vector<Graph> graphs = one(model.encode_chunk({.height = r.height, .width = r.width}));
  if (r.frames > 1)
    graphs.push_back(model.encode_chunk({.height = r.height, .width = r.width, .first = false}));
  Session session(device, subject.weights(), std::move(graphs), options);
  return bench_chunks(r, device, session, (r.frames - 1) / model.encode_frames() + 1);
}

BenchResult bench_text(const BenchRequest& r, Device& device, const SessionOptions& options) {
  const Subject subject(r, "text_encoder");
  const auto& model = subject.as<TextEncoderModel>("a text encoder");
  Session session(device, subject.weights(), one(model.encode(1, r.tokens)), options);
  HostTensor ids(DType::i32, {1, r.tokens}), mask(DType::i32, {1, r.tokens});
  for (int64_t i = 0; i < r.tokens; ++i)
    ids.i32()[static_cast<size_t>(i)] = static_cast<int32_t>(i * 7919 % model.vocabulary_size());
  std::fill(mask.i32().begin(), mask.i32().end(), 1);
  const InputMap inputs = {{"input_ids", ids.view()}, {"attention_mask", mask.view()}};
  BenchResult result = measure(r, device, session, [&] { session.run(0, inputs, {}); });
  result.flops = session.graph(0).cost().flops;
  if (r.profile) result.steps = session.profile(0, inputs);
  return result;
}

}  // namespace zoetrope
