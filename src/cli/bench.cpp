#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "cli/options.h"
#include "pipeline/autoencoding.h"
#include "pipeline/stages.h"
#include "pipeline/text_encoding.h"
#include "sampling/noise.h"

namespace zoetrope {
namespace {

struct Arguments {
  std::string model, size;
  int64_t frames = 33;
  int runs = 5;
  bool json = false;
  DeviceOptions device;
};

struct Measured {
  std::vector<double> seconds;
  double flops = 0;
  int64_t planned_peak_bytes = 0, measured_peak_bytes = 0;
};

// A pipeline folder, or one component of it: the component with this name, and what one latent pixel and
// frame stand for.
struct Target {
  fs::path folder;
  int64_t spatial = 8, temporal = 4;
};

Target find_target(const fs::path& given, const char* component) {
  const fs::path pipeline = fs::exists(given / "model_index.json") ? given : given.parent_path();
  if (!fs::exists(pipeline / "model_index.json")) return {given};
  const ModelFolder files = ModelFolder::open(pipeline);
  const AutoencoderTraits traits = Component(files.at("vae").folder).autoencoder().traits();
  return {pipeline == given ? files.at(component).folder : given, traits.spatial_factor,
          traits.temporal_factor};
}

HostTensor random_tensor(const Shape& shape, uint64_t stream) {
  HostTensor tensor(DType::f32, shape);
  fill_normal(1, stream, 0, tensor.f32());
  return tensor;
}

// One run to warm up, then as many as asked for.
void time_runs(int runs, Measured& measured, const std::function<void()>& once) {
  once();
  for (int i = 0; i < runs; ++i) {
    const Stopwatch watch;
    once();
    measured.seconds.push_back(watch.seconds());
  }
  std::sort(measured.seconds.begin(), measured.seconds.end());
}

Shape latent_shape(const Arguments& a, const Target& target, int64_t channels) {
  const Size size = parse_size(a.size);
  if (size.width % target.spatial || size.height % target.spatial || (a.frames - 1) % target.temporal)
    throw UsageError(fmt::format("{} and {} frames do not divide: pixels by {}, frames as {}n+1", a.size,
                                 a.frames, target.spatial, target.temporal),
                     "--size, --frames");
  return {1, channels, (a.frames - 1) / target.temporal + 1, size.height / target.spatial,
          size.width / target.spatial};
}

Measured bench_forward(const Arguments& a, Device& device, const SessionOptions& options) {
  const Target target = find_target(a.model, "transformer");
  const Component component(target.folder);
  const DenoiserModel& model = component.denoiser();
  const Shape s = latent_shape(a, target, model.traits().in_channels);
  std::vector<Graph> graphs;
  graphs.push_back(
      model.forward({.frames = s[2], .height = s[3], .width = s[4], .text_length = kTextTokens}));
  Session session(device, component.binding(), std::move(graphs), options);
  HostTensor latents = random_tensor(s, 0),
             text = random_tensor({1, kTextTokens, model.traits().text_width}, 1), time(DType::f32, {1});
  HostTensor out(DType::f32, {1, model.traits().out_channels, s[2], s[3], s[4]});
  time.f32()[0] = 500;
  Measured measured{.flops = session.plan().flops};
  time_runs(a.runs, measured, [&] {
    session.run(0,
                {{"hidden_states", latents.view()},
                 {"timestep", time.view()},
                 {"encoder_hidden_states", text.view()}},
                {{"sample", out.view()}});
  });
  measured.planned_peak_bytes = session.plan().peak_bytes;
  measured.measured_peak_bytes = session.measured_peak_bytes();
  return measured;
}

Measured bench_decode(const Arguments& a, Device& device, const SessionOptions& options) {
  const Target target = find_target(a.model, "vae");
  const Component component(target.folder);
  const AutoencoderTraits traits = component.autoencoder().traits();
  const Shape s =
      latent_shape(a, {target.folder, traits.spatial_factor, traits.temporal_factor}, traits.latent_channels);
  const HostTensor latents = random_tensor(s, 0);
  ClipDecoder decoder(component, device, options, s);
  Measured measured;
  measured.flops = decoder.session().graph(0).cost().flops;
  if (s[2] > 1) measured.flops += static_cast<double>(s[2] - 1) * decoder.session().graph(1).cost().flops;
  time_runs(a.runs, measured, [&] {
    decoder.restart();
    for (int64_t f = 0; f < s[2]; ++f) decoder.next(frames_of(latents, f, 1));
  });
  measured.planned_peak_bytes = decoder.session().plan().peak_bytes;
  measured.measured_peak_bytes = decoder.session().measured_peak_bytes();
  return measured;
}

void print(const Arguments& a, const Measured& m) {
  const double median = m.seconds[m.seconds.size() / 2];
  if (!a.json) {
    fmt::print("median {:.4f} s, {:.4f} to {:.4f} s, {:.4g} flops, {:.1f} GFLOP/s, peak {} bytes\n", median,
               m.seconds.front(), m.seconds.back(), m.flops, m.flops / median / 1e9, m.measured_peak_bytes);
    return;
  }
  Json out = Json::object();
  out.set("median_seconds", median)
      .set("min_seconds", m.seconds.front())
      .set("max_seconds", m.seconds.back())
      .set("flops", m.flops);
  out.set("runs", static_cast<int64_t>(m.seconds.size()));
  out.set("planned_peak_bytes", m.planned_peak_bytes).set("measured_peak_bytes", m.measured_peak_bytes);
  fmt::print("{}\n", out.dump(-1));
}

void add_part(CLI::App& bench, const char* name, const char* help, Action& action,
              Measured (*measure)(const Arguments&, Device&, const SessionOptions&)) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = bench.add_subcommand(name, help);
  command->add_option("--model", a->model, "pipeline folder, or the component's own")->required();
  command->add_option("--size", a->size, "WIDTHxHEIGHT in pixels")->required();
  command->add_option("--frames", a->frames, "frames, 4n+1")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
  command->add_option("--runs", a->runs, "runs that count, after one that warms up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", a->json, "one line of JSON");
  a->device.add_to(*command);
  command->callback([a, measure, &action] {
    action = [a, measure] {
      parse_size(a->size);
      const DType precision = a->device.precision();
      const auto device = a->device.open();
      print(*a,
            measure(*a, *device, {.budget_bytes = a->device.budget_bytes(*device), .precision = precision}));
      return 0;
    };
  });
}

}  // namespace

void add_bench(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("bench", "Measure one part of a model");
  command->require_subcommand(1);
  add_part(*command, "forward", "One forward of the diffusion transformer", action, bench_forward);
  add_part(*command, "decode", "The autoencoder's decoding of a clip", action, bench_decode);
}

}  // namespace zoetrope
