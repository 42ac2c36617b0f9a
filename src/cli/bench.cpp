// `zoetrope bench`: how long one part of a model takes here, and what it holds.
#include <fmt/format.h>

#include <map>

#include "base/json.h"
#include "cli/bench_parts.h"
#include "cli/options.h"

namespace zoetrope {
namespace {

struct Arguments {
  BenchRequest request;
  std::string size;
  bool json = false;
  DeviceOptions device;
};

// The steps of one run by op and kernel.
struct Share {
  int count = 0;
  double seconds = 0, flops = 0, bytes = 0;
};

std::map<std::string, Share> shares_of(const std::vector<StepTime>& steps) {
  std::map<std::string, Share> shares;
  for (const StepTime& step : steps) {
    Share& share = shares[step.op + " / " + step.kernel];
    ++share.count;
    share.seconds += step.seconds;
    share.flops += step.flops;
    share.bytes += step.bytes;
  }
  return shares;
}

void print_text(const BenchResult& r) {
  const double median = r.seconds[r.seconds.size() / 2];
  fmt::print("median {:.4f} s, {:.4f} to {:.4f} s, {:.4g} flops, {:.2f} TFLOP/s, loaded in {:.2f} s\n",
             median, r.seconds.front(), r.seconds.back(), r.flops, r.flops / median / 1e12, r.load_seconds);
  fmt::print("{}\nmeasured peak {} bytes, on the device {} bytes are taken\n", r.plan.text(),
             r.measured_peak_bytes, r.device_used_bytes);
  double total = 0;
  for (const StepTime& step : r.steps) total += step.seconds;
  for (const auto& [name, share] : shares_of(r.steps))
    fmt::print("{:<48} {:>5} steps {:>10.3f} ms {:>6.2f} % {:>8.1f} TFLOP/s {:>8.1f} GB/s\n", name,
               share.count, share.seconds * 1e3, 100 * share.seconds / total,
               share.flops / share.seconds / 1e12, share.bytes / share.seconds / 1e9);
  if (!r.explanation.empty()) fmt::print("{}", r.explanation);
}

void print_json(const BenchResult& r) {
  Json out = Json::object();
  out.set("median_seconds", r.seconds[r.seconds.size() / 2])
      .set("min_seconds", r.seconds.front())
      .set("max_seconds", r.seconds.back())
      .set("flops", r.flops)
      .set("runs", static_cast<int64_t>(r.seconds.size()))
      .set("load_seconds", r.load_seconds)
      .set("parameter_bytes", r.plan.parameter_bytes)
      .set("streamed_bytes", r.plan.streamed_bytes)
      .set("arena_bytes", r.plan.arena_bytes)
      .set("planned_peak_bytes", r.plan.peak_bytes)
      .set("measured_peak_bytes", r.measured_peak_bytes)
      .set("device_used_bytes", r.device_used_bytes);
  if (!r.steps.empty()) {
    Json ops = Json::object();
    for (const auto& [name, share] : shares_of(r.steps)) {
      Json row = Json::object();
      row.set("steps", static_cast<int64_t>(share.count))
          .set("seconds", share.seconds)
          .set("flops", share.flops)
          .set("bytes", share.bytes);
      ops.set(name, row);
    }
    out.set("ops", ops);
  }
  fmt::print("{}\n", out.dump(-1));
}

using Measure = BenchResult (*)(const BenchRequest&, Device&, const SessionOptions&);

int run(Arguments& a, Measure measure) {
  if (!a.size.empty()) {
    const Size size = parse_size(a.size);
    a.request.width = size.width;
    a.request.height = size.height;
  }
  const auto device = a.device.open();
  const BenchResult result =
      measure(a.request, *device,
              {.budget_bytes = a.device.budget_bytes(*device), .precision = a.device.precision(*device)});
  if (a.json)
    print_json(result);
  else
    print_text(result);
  return 0;
}

CLI::App* add_part(CLI::App& bench, const char* name, const char* help, Action& action, Measure measure,
                   const std::shared_ptr<Arguments>& a) {
  CLI::App* command = bench.add_subcommand(name, help);
  BenchRequest& r = a->request;
  command->add_option("--model", r.model, "pipeline folder, the component's own, or a preset's name")
      ->required();
  command->add_flag("--random-weights", r.random_weights, "weights from a seed: no checkpoint is needed");
  command->add_option("--runs", r.runs, "runs that count, after one that warms up")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--warm-up", r.warm_up_seconds, "seconds of runs before those that count")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  command->add_flag("--profile", r.profile, "times every step of one more run, by op and kernel");
  command->add_flag("--explain", r.explain, "every step with its kernel, bytes and flops");
  command->add_flag("--json", a->json, "one line of JSON");
  a->device.add_to(*command);
  command->callback([a, measure, &action] { action = [a, measure] { return run(*a, measure); }; });
  return command;
}

void add_clip_part(CLI::App& bench, const char* name, const char* help, Action& action, Measure measure) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = add_part(bench, name, help, action, measure, a);
  command->add_option("--size", a->size, "WIDTHxHEIGHT in pixels")->required();
  command->add_option("--frames", a->request.frames, "frames, 4n+1")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
}

}  // namespace

void add_bench(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("bench", "Measure one part of a model");
  command->require_subcommand(1);
  add_clip_part(*command, "forward", "One forward of the diffusion transformer", action, bench_forward);
  add_clip_part(*command, "decode", "The autoencoder's decoding of a clip", action, bench_decode);
  add_clip_part(*command, "encode", "The autoencoder's encoding of a clip", action, bench_encode);
  auto a = std::make_shared<Arguments>();
  CLI::App* text = add_part(*command, "text", "The text encoder on one prompt", action, bench_text, a);
  text->add_option("--tokens", a->request.tokens, "tokens of the prompt")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
}

}  // namespace zoetrope
