#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/options.h"
#include "forecast/clip_report.h"

namespace zoetrope {
namespace {

struct Arguments {
  std::string model, size = "832x480", gpu, budget, dtype = "bf16", attention, html;
  int64_t frames = 81;
  int steps = 0;
  std::optional<int> boundary_step;
  std::optional<double> guidance_low;
  double guidance = 1;
  bool json = false, explain = false;
};

ClipRequest request_of(const Arguments& a) {
  const Size size = parse_size(a.size);
  ClipRequest request{.model = a.model, .width = size.width, .height = size.height, .frames = a.frames};
  const auto format = [](const std::string& name, const char* option) {
    try {
      return format_from_name(name, option);
    } catch (const InputError& problem) {
      throw UsageError(problem.what());
    }
  };
  request.formats.compute = format(a.dtype, "--dtype");
  if (request.formats.compute != Format::f32 && request.formats.compute != Format::f16 &&
      request.formats.compute != Format::bf16)
    throw UsageError("'" + a.dtype + "' is not a precision that runs", "--dtype", "take bf16, f16 or f32");
  request.formats.attention =
      a.attention.empty() ? request.formats.compute : format(a.attention, "--attention");
  const Preset& model = preset(a.model);
  request.steps = a.steps > 0 || !model.video ? std::max(a.steps, 1) : model.video->steps;
  request.boundary_step = a.boundary_step;
  request.guidance = a.guidance;
  request.guidance_low = a.guidance_low;
  if (!a.budget.empty()) request.budget_bytes = parse_bytes(a.budget, "--budget");
  return request;
}

// The plan itself, or what is said where it does not fit.
int refuse(const Arguments& a, const ClipRequest& request, const Gpu& gpu, const FitError& problem) {
  Refusal refusal{.reason = problem.what(), .nearest = nearest_that_fits(request, gpu)};
  refusal.budget_bytes =
      request.budget_bytes > 0 ? std::min(request.budget_bytes, gpu.memory_bytes) : gpu.memory_bytes;
  Gpu unlimited = gpu;
  unlimited.memory_bytes = INT64_MAX;
  ClipRequest free = request;
  free.budget_bytes = 0;
  refusal.peak_bytes = plan_clip(check_clip(free), unlimited).peak_bytes;
  fmt::print("{}", a.json ? json_of(refusal).dump(-1) + "\n" : table_of(refusal));
  return static_cast<int>(ErrorKind::does_not_fit);
}

int run(const Arguments& a) {
  const ClipRequest request = request_of(a);
  const Gpu gpu = find_gpu(a.gpu);
  const CheckedClip clip = check_clip(request);
  try {
    const ClipPlan plan = plan_clip(clip, gpu);
    if (!a.html.empty()) write_file_atomically(a.html, html_of(plan));
    if (a.json)
      fmt::print("{}\n", json_of(plan).dump(-1));
    else
      fmt::print("{}{}", table_of(plan), a.explain ? explain_clip(plan) : "");
    return 0;
  } catch (const FitError& problem) {
    return refuse(a, request, gpu, problem);
  }
}

}  // namespace

void add_plan(CLI::App& program, Action& action) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command =
      program.add_subcommand("plan", "Bytes and seconds of a clip, before anything is loaded");
  command->add_option("--model", a->model, "a model of public size, such as wan2.2-t2v-a14b")->required();
  command->add_option("--gpu", a->gpu, "a GPU of the catalogue (zoetrope gpus), or a YAML file with one")
      ->required();
  command->add_option("--size", a->size, "WIDTHxHEIGHT in pixels")->capture_default_str();
  command->add_option("--frames", a->frames, "frames of the clip")->capture_default_str();
  command->add_option("--steps", a->steps, "steps of the sampler (default: the model's own)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--boundary-step", a->boundary_step, "the first step of the low-noise expert");
  command->add_option("--guidance", a->guidance, "1: one forward a step, else two")->capture_default_str();
  command->add_option("--guidance-low", a->guidance_low, "of the low-noise expert");
  command->add_option("--budget", a->budget, "bytes that a run may hold on the device (default: all)");
  command->add_option("--dtype", a->dtype, "bf16, f16 or f32")->capture_default_str();
  command->add_option("--attention", a->attention, "number format of attention (default: --dtype)");
  command->add_option("--html", a->html, "write a page with schedule and memory as drawings");
  command->add_flag("--explain", a->explain,
                    "where the time goes, what would save some, and every parameter");
  command->add_flag("--json", a->json, "one line of JSON");
  command->callback([a, &action] { action = [a] { return run(*a); }; });
}

}  // namespace zoetrope
