#include "forecast/clip_report.h"

#include <fmt/format.h>

namespace zoetrope {
namespace {

double gib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

std::string_view source_of(const Gpu& gpu) {
  if (gpu.calibration) return "calibrated";
  return gpu.measured() ? "measured" : "published";
}

std::string text_of(const ClipRequest& r) {
  return fmt::format("{} frames of {}x{}", r.frames, r.width, r.height);
}

std::string table_of(const ClipPlan& plan) {
  std::string text =
      fmt::format("{}: {}, {} steps, guidance {:g}, on {}\n", plan.request.model, text_of(plan.request),
                  plan.request.steps, plan.request.guidance, plan.gpu.name);
  text += fmt::format("{:<14} {:>9} {:>9} {:>9} {:>10} {:>13} {:>13}\n", "stage", "seconds", "of load",
                      "forwards", "peak GiB", "resident GiB", "streamed GiB");
  for (const StagePrice& stage : plan.stages)
    text += fmt::format("{:<14} {:>9.2f} {:>9.2f} {:>9} {:>10.2f} {:>13.2f} {:>13.2f}\n", stage.name,
                        stage.seconds, stage.load_seconds, stage.forwards, gib(stage.peak_bytes),
                        gib(stage.resident_bytes), gib(stage.streamed_bytes));
  for (const PassPrice& pass : plan.denoise)
    text += fmt::format("expert {}: {} steps, {:.2f} s, of which {:.2f} s are no forward\n", pass.pass.expert,
                        pass.pass.steps, pass.seconds, pass.overhead_seconds);
  text += fmt::format("fits: yes, {:.2f} of {:.2f} GiB\n", gib(plan.peak_bytes), gib(plan.budget_bytes));
  text += fmt::format("seconds: {:.2f} ({:.2f} to {:.2f}; source: {})\n", plan.seconds, plan.low, plan.high,
                      source_of(plan.gpu));
  return text;
}

std::string table_of(const Refusal& refusal) {
  std::string text =
      fmt::format("fits: no, the budget is {:.2f} GiB\n{}\n", gib(refusal.budget_bytes), refusal.reason);
  if (!refusal.nearest) return text + "nothing smaller of this model fits either\n";
  return text + fmt::format("the nearest that fits: {}\n\n", text_of(refusal.nearest->request)) +
         table_of(*refusal.nearest);
}

Json json_of(const ClipPlan& plan) {
  Json out = Json::object(), stages = Json::array(), denoise = Json::array();
  for (const StagePrice& stage : plan.stages) {
    Json entry = Json::object();
    entry.set("name", stage.name).set("seconds", stage.seconds).set("load_seconds", stage.load_seconds);
    entry.set("forwards", stage.forwards).set("peak_bytes", stage.peak_bytes);
    entry.set("resident_bytes", stage.resident_bytes).set("streamed_bytes", stage.streamed_bytes);
    stages.push_back(entry);
  }
  for (const PassPrice& pass : plan.denoise) {
    Json entry = Json::object();
    entry.set("expert", pass.pass.expert).set("steps", pass.pass.steps).set("forwards", pass.pass.forwards);
    entry.set("seconds", pass.seconds).set("overhead_seconds", pass.overhead_seconds);
    denoise.push_back(entry);
  }
  out.set("fits", true).set("model", plan.request.model).set("gpu", plan.gpu.id);
  out.set("width", plan.request.width).set("height", plan.request.height).set("frames", plan.request.frames);
  out.set("peak_bytes", plan.peak_bytes).set("budget_bytes", plan.budget_bytes);
  out.set("seconds", plan.seconds).set("seconds_low", plan.low).set("seconds_high", plan.high);
  out.set("source", source_of(plan.gpu)).set("stages", stages).set("denoise", denoise);
  return out;
}

Json json_of(const Refusal& refusal) {
  Json out = Json::object();
  out.set("fits", false).set("peak_bytes", refusal.peak_bytes).set("budget_bytes", refusal.budget_bytes);
  out.set("seconds", nullptr).set("stages", Json::array()).set("denoise", Json::array());
  out.set("reason", refusal.reason);
  out.set("nearest", refusal.nearest ? json_of(*refusal.nearest) : Json());
  return out;
}

}  // namespace zoetrope
