#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "forecast/calibrate.h"

namespace zoetrope {
namespace {

constexpr size_t kMostRuns = 100;

// Errors of a request's own check get the place in the file, and its exit code.
template <class F>
auto in_file(const Yaml& yaml, const F& f) {
  try {
    return f();
  } catch (const UsageError& problem) {
    throw InputError(problem.what(), yaml.where());
  } catch (const FitError& problem) {
    throw InputError(problem.what(), yaml.where());
  }
}

void read_size(const Yaml& field, ClipRequest& request) {
  const std::string& text = field.as_string();
  const char* last = text.data() + text.size();
  const auto [x, first_problem] = std::from_chars(text.data(), last, request.width);
  if (first_problem == std::errc() && x != last && *x == 'x') {
    const auto [end, problem] = std::from_chars(x + 1, last, request.height);
    if (problem == std::errc() && end == last) return;
  }
  throw InputError("'" + text + "' is not a size", field.where(), "write WIDTHxHEIGHT, such as 832x1216");
}

int small_integer(const Yaml& field) {
  const int64_t value = field.as_integer();
  if (value < 0 || value > 1000) throw InputError("must be between 0 and 1000", field.where());
  return static_cast<int>(value);
}

ClipRequest read_request(const Yaml& yaml) {
  ClipRequest r{.model = yaml.at("model").as_string(), .frames = yaml.at("frames").as_integer()};
  read_size(yaml.at("size"), r);
  r.steps = small_integer(yaml.at("steps"));
  if (const Yaml* field = yaml.find("boundary_step")) r.boundary_step = small_integer(*field);
  if (const Yaml* field = yaml.find("guidance")) r.guidance = field->as_number();
  if (const Yaml* field = yaml.find("batch")) r.batch = field->as_integer();
  if (const Yaml* field = yaml.find("dtype"))
    r.formats.compute = r.formats.weights = r.formats.attention =
        format_from_name(field->as_string(), field->where());
  if (const Yaml* field = yaml.find("weights"))
    r.formats.weights = format_from_name(field->as_string(), field->where());
  if (const Yaml* field = yaml.find("attention"))
    r.formats.attention = format_from_name(field->as_string(), field->where());
  if (const Yaml* field = yaml.find("budget")) {
    r.budget_bytes = field->as_integer();
    if (r.budget_bytes <= 0) throw InputError("must be a number of bytes above 0", field->where());
  }
  return r;
}

double read_seconds(const Yaml& yaml, size_t passes) {
  const Yaml *pass = yaml.find("pass_seconds"), *total = yaml.find("total_seconds");
  if (!pass == !total) throw InputError("give either pass_seconds or total_seconds", yaml.where());
  const double seconds = (pass ? pass : total)->as_number();
  if (seconds <= 0 || seconds > 1e8) throw InputError("must be above 0", (pass ? pass : total)->where());
  return pass ? seconds : seconds / static_cast<double>(passes);
}

bool same(const ClipRequest& a, const ClipRequest& b) {
  return a.model == b.model && a.width == b.width && a.height == b.height && a.frames == b.frames &&
         a.steps == b.steps && a.boundary_step == b.boundary_step && a.guidance == b.guidance &&
         a.batch == b.batch && a.budget_bytes == b.budget_bytes && a.formats.compute == b.formats.compute &&
         a.formats.weights == b.formats.weights && a.formats.attention == b.formats.attention;
}

}  // namespace

MeasuredRuns read_runs(const Yaml& yaml) {
  yaml.only({"gpu", "runs"});
  MeasuredRuns out;
  out.base = in_file(yaml.at("gpu"), [&] { return find_gpu(yaml.at("gpu").as_string()); });
  for (const Yaml& entry : yaml.at("runs").as_list()) {
    entry.only({"model", "size", "frames", "steps", "boundary_step", "guidance", "batch", "dtype", "weights",
                "attention", "budget", "pass_seconds", "total_seconds"});
    MeasuredRun run{.request = read_request(entry), .where = entry.where()};
    const size_t passes = in_file(entry, [&] { return check_clip(run.request).passes.size(); });
    run.pass_seconds = read_seconds(entry, passes);
    for (const MeasuredRun& other : out.runs)
      if (same(other.request, run.request))
        throw InputError(other.pass_seconds == run.pass_seconds ? "this run stands twice"
                                                                : "this run contradicts an earlier one",
                         run.where, "the first: " + other.where);
    out.runs.push_back(std::move(run));
  }
  if (out.runs.empty() || out.runs.size() > kMostRuns)
    throw InputError("must have 1 to 100 runs", yaml.at("runs").where());
  out.file = yaml.where().substr(0, yaml.where().rfind(':'));
  return out;
}

std::string yaml_of(const MeasuredRuns& measured, const Fit& fit) {
  const Calibration& law = fit.law;
  std::string covariance;
  for (const double value : law.covariance)
    covariance += fmt::format("{}{:.10g}", covariance.empty() ? "" : ", ", value);
  std::string source;  // a quoted scalar: quotation marks and backslashes would end it
  for (const char c : law.source) source += c == '"' || c == '\\' ? '_' : c;
  return fmt::format(
      "gpus:\n  {0}-calibrated:\n    based_on: {0}\n    calibration:\n      pass_overhead_seconds: {1:.10g}\n"
      "      rate_scale: {2:.10g}\n      attention_ratio: {3:.10g}\n"
      "      # of the overhead and the logarithms of scale and ratio, row by row\n      covariance: [{4}]\n"
      "      source: \"{5}\"\n",
      measured.base.id, law.pass_overhead, law.rate_scale, law.attention_ratio, covariance,
      printable(source));
}

std::string table_of(const MeasuredRuns& measured, const Fit& fit) {
  const Calibration& law = fit.law;
  const auto deviation = [&](size_t i) { return 2 * std::sqrt(std::max(law.covariance[4 * i], 0.0)); };
  const auto line = [](const char* name, double value, double low, double high, const char* note) {
    return fmt::format("{:<28} {:>9.4g}  ({:.4g} to {:.4g}){}\n", name, value, low, high, note);
  };
  std::string text = fmt::format("{} runs on {}\n", fit.runs.size(), measured.base.name);
  text += line("overhead, seconds a pass", law.pass_overhead, std::max(0.0, law.pass_overhead - deviation(0)),
               law.pass_overhead + deviation(0), fit.overhead_fixed ? " fixed: one run" : "");
  text += line("scale of all rates", law.rate_scale, law.rate_scale * std::exp(-deviation(1)),
               law.rate_scale * std::exp(deviation(1)), "");
  text += line("attention to products", law.attention_ratio, law.attention_ratio * std::exp(-deviation(2)),
               law.attention_ratio * std::exp(deviation(2)),
               fit.ratio_fixed ? " fixed: fewer than three runs, or too alike" : "");
  text += fmt::format("{:<50} {:>10} {:>10} {:>9}\n", "run", "measured", "fitted", "residual");
  for (const FittedRun& run : fit.runs) {
    const ClipRequest& r = run.run.request;
    text +=
        fmt::format("{:<50} {:>10.3f} {:>10.3f} {:>8.2f} %\n",
                    fmt::format("{}, {} frames of {}x{}", r.model, r.frames, r.width, r.height),
                    run.run.pass_seconds, run.predicted, 100 * (run.predicted / run.run.pass_seconds - 1));
  }
  return text;
}

}  // namespace zoetrope
