#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "forecast/clip_report.h"

namespace zoetrope {
namespace {

// Of products, attention and convolutions.
double all_flops(const GraphPrice& price) {
  return price.kind_flops[0] + price.kind_flops[1] + price.kind_flops[2];
}

int64_t forwards_of(const ClipPlan& plan) {
  int64_t forwards = 0;
  for (const PassPrice& pass : plan.denoise) forwards += pass.pass.forwards;
  return forwards;
}

// The forward of the same clip with something changed.
GraphPrice forward_of(ClipRequest request, const Gpu& gpu) {
  const CheckedClip clip = check_clip(request);
  return price_graph(clip.forward(), gpu, request.formats);
}

std::string time_by_kind(const ClipPlan& plan) {
  const GraphPrice& forward = plan.forward;
  std::string text = fmt::format("one forward: {:.3f} s, {:.1f} Tflop, {} tokens\n", forward.seconds,
                                 all_flops(forward) / 1e12, plan.tokens);
  for (const WorkKind kind :
       {WorkKind::product, WorkKind::attention, WorkKind::convolution, WorkKind::bytes}) {
    const auto k = static_cast<size_t>(kind);
    if (forward.kind_seconds[k] == 0) continue;
    text +=
        fmt::format("  {:<12} {:>9.3f} s  {:>4.0f} % of the time  {:>4.0f} % of the flops\n", name_of(kind),
                    forward.kind_seconds[k], 100 * forward.kind_seconds[k] / forward.seconds,
                    100 * forward.kind_flops[k] / all_flops(forward));
  }
  if (forward.waited > 0) text += fmt::format("  {:<12} {:>9.3f} s\n", "waiting", forward.waited);
  return text;
}

std::string growth(const ClipPlan& plan) {
  std::string text = fmt::format("growth with frames at {}x{} (attention grows with their square):\n",
                                 plan.request.width, plan.request.height);
  std::vector<int64_t> counts = {25, 29, 49, 81, 121, 161, plan.request.frames};
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  for (const int64_t frames : counts) {
    ClipRequest request = plan.request;
    request.frames = frames;
    // Rows far beyond the clip itself may be more than a plan takes.
    if (frames > plan.request.frames && plan.tokens * frames / plan.request.frames > 400'000) continue;
    const GraphPrice price = forward_of(request, plan.gpu);
    text += fmt::format("  {:>4} frames  {:>9.3f} s a forward  attention {:>3.0f} % of the flops\n", frames,
                        price.seconds, 100 * price.quadratic_flops / all_flops(price));
  }
  return text;
}

std::string remedies(const ClipPlan& plan) {
  const auto forwards = static_cast<double>(forwards_of(plan));
  const double now = forwards * (plan.forward.seconds - plan.forward.waited);
  std::string text = "remedies, by the seconds of denoising they save:\n";
  std::vector<std::pair<double, std::string>> found;
  const auto offer = [&](double seconds, const std::string& what) {
    found.emplace_back(now - seconds, what);
  };

  ClipRequest changed = plan.request;
  changed.formats.attention = Format::int8;
  if (plan.request.formats.attention != Format::int8)
    offer(forwards * forward_of(changed, plan.gpu).seconds, "8-bit attention");
  changed = plan.request;
  changed.frames = (plan.request.frames / 2 + 3) / 4 * 4 + 1;
  if (plan.request.frames > 5)
    offer(2 * forwards * forward_of(changed, plan.gpu).seconds,
          fmt::format("two segments of {} frames", changed.frames));
  changed = plan.request;
  const auto three_quarters = [](int64_t side) { return std::max<int64_t>(32, side * 3 / 4 / 32 * 32); };
  changed.width = three_quarters(changed.width);
  changed.height = three_quarters(changed.height);
  offer(forwards * forward_of(changed, plan.gpu).seconds,
        fmt::format("a size of {}x{}", changed.width, changed.height));
  std::sort(found.rbegin(), found.rend());
  for (const auto& [saved, what] : found) text += fmt::format("  {:>9.2f} s  {}\n", saved, what);
  for (const StagePrice& stage : plan.stages)
    if (stage.name.starts_with("denoise") && stage.streamed_bytes > 0) {
      text += fmt::format(
          "  {:>9.2f} s  all weights on the device: {:.1f} GB a forward over a {:.0f} GB/s link are {:.2f} "
          "s, "
          "of which {:.2f} s show\n",
          forwards * plan.forward.waited, static_cast<double>(stage.streamed_bytes) / 1e9,
          plan.gpu.link / 1e9, plan.forward.copy_seconds, plan.forward.waited);
      break;
    }
  return text;
}

std::string field_source(const Gpu& gpu, const char* field) {
  const auto found = gpu.sources.find(field);
  return found == gpu.sources.end() ? "the maker's data sheet" : found->second;
}

std::string parameters(const ClipPlan& plan) {
  const Gpu& gpu = plan.gpu;
  std::string text = "parameters and their sources:\n";
  const auto line = [&](const std::string& name, const std::string& value, const std::string& source) {
    text += fmt::format("  {:<24} {:<24} {}\n", name, value, source);
  };
  line("memory", fmt::format("{} bytes", gpu.memory_bytes), field_source(gpu, "memory_mib"));
  line("bandwidth", fmt::format("{:.0f} GB/s", gpu.bandwidth / 1e9), field_source(gpu, "bandwidth_gb"));
  line("link", fmt::format("{:.1f} GB/s", gpu.link / 1e9), field_source(gpu, "link_gb"));
  for (const auto& [format, rate] : gpu.rates)
    line(fmt::format("rate {}", name_of(format)), fmt::format("{:.1f} TFLOP/s", rate / 1e12),
         field_source(gpu, "tflops"));
  for (const MeasuredCurve& curve : gpu.efficiency.curves) {
    const auto& points = curve.curve.points();
    line(fmt::format("{} {}{}", name_of(curve.kind), curve.format ? name_of(*curve.format) : "",
                     curve.burst ? " burst" : ""),
         fmt::format("{:.2f} to {:.2f}, {} points", points.front().second, points.back().second,
                     points.size()),
         curve.source + (gpu.measured() ? "" : ", on " + gpu.curves_of));
  }
  line("launch gap", fmt::format("{:.1f} us", gpu.efficiency.launch_gap * 1e6),
       field_source(gpu, "launch_gap_us"));
  line("copy latency", fmt::format("{:.0f} us", gpu.efficiency.copy_latency * 1e6),
       field_source(gpu, "copy_latency_us"));
  line("copy interference", fmt::format("{:.0f} %", gpu.efficiency.copy_interference * 100),
       field_source(gpu, "copy_interference"));
  if (gpu.calibration) {
    line("seconds beside forwards", fmt::format("{:.2f} a pass", gpu.calibration->pass_overhead),
         gpu.calibration->source);
    line("scale of all rates", fmt::format("{:.3f}", gpu.calibration->rate_scale), gpu.calibration->source);
    line("attention to products", fmt::format("{:.3f} x the curves'", gpu.calibration->attention_ratio),
         gpu.calibration->source);
  }
  line("saving", "60 million pixels/s", "assumed: x264 on eight cores");
  line("driver and libraries", "600 MiB", "assumed; measured where the GPU is");
  return text;
}

}  // namespace

std::string explain_clip(const ClipPlan& plan) {
  return time_by_kind(plan) + growth(plan) + remedies(plan) + parameters(plan);
}

}  // namespace zoetrope
