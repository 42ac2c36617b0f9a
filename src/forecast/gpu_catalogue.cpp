#include "forecast/gpu_catalogue.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"

namespace zoetrope {
namespace {

constexpr std::array<std::string_view, 6> kFormats = {"f32", "f16", "bf16", "fp8", "int8", "fp4"};
constexpr std::array<std::string_view, 4> kKinds = {"product", "attention", "convolution", "bytes"};
constexpr size_t kMostGpus = 200, kMostCurves = 50, kMostPoints = 100;

double number_within(const Yaml& map, std::string_view key, double least, double most) {
  const Yaml& field = map.at(key);
  const double value = field.as_number();
  if (value < least || value > most)
    throw InputError("must be between " + std::to_string(least) + " and " + std::to_string(most),
                     field.where());
  return value;
}

WorkKind kind_from(const Yaml& field) {
  for (size_t i = 0; i < kKinds.size(); ++i)
    if (kKinds[i] == field.as_string()) return static_cast<WorkKind>(i);
  throw InputError("'" + field.as_string() + "' is no kind of work", field.where(),
                   "take product, attention, convolution or bytes");
}

Curve read_points(const Yaml& list) {
  std::vector<std::pair<double, double>> points;
  for (const Yaml& point : list.as_list()) {
    if (point.as_list().size() != 2) throw InputError("must be [size, share]", point.where());
    const double size = point.as_list()[0].as_number(), share = point.as_list()[1].as_number();
    if (size <= 0 || share <= 0 || share > 2)
      throw InputError("a size must be above 0, a share above 0 and at most 2", point.where());
    if (!points.empty() && size <= points.back().first) throw InputError("sizes must rise", point.where());
    points.emplace_back(size, share);
  }
  if (points.empty() || points.size() > kMostPoints)
    throw InputError("must have 1 to 100 points", list.where());
  return Curve(std::move(points));
}

MeasuredCurve read_curve(const Yaml& yaml) {
  yaml.only({"kind", "format", "regime", "head", "points", "source"});
  MeasuredCurve out;
  out.kind = kind_from(yaml.at("kind"));
  if (out.kind != WorkKind::bytes)
    out.format = format_from_name(yaml.at("format").as_string(), yaml.at("format").where());
  const Yaml& regime = yaml.at("regime");
  if (regime.as_string() != "sustained" && regime.as_string() != "burst")
    throw InputError("must be sustained or burst", regime.where());
  out.burst = regime.as_string() == "burst";
  if (out.kind == WorkKind::attention) out.head = static_cast<int64_t>(number_within(yaml, "head", 1, 4096));
  out.curve = read_points(yaml.at("points"));
  out.source = yaml.at("source").as_string();
  return out;
}

Efficiency read_efficiency(const Yaml& yaml) {
  Efficiency out;
  for (const Yaml& curve : yaml.at("curves").as_list()) out.curves.push_back(read_curve(curve));
  if (out.curves.size() > kMostCurves) throw InputError("has more than 50 curves", yaml.at("curves").where());
  for (size_t k = 0; k < kKinds.size(); ++k)
    if (std::none_of(out.curves.begin(), out.curves.end(),
                     [&](const MeasuredCurve& c) { return c.kind == static_cast<WorkKind>(k) && !c.burst; }))
      throw InputError("there is no sustained curve of kind " + std::string(kKinds[k]),
                       yaml.at("curves").where());
  out.launch_gap = number_within(yaml, "launch_gap_us", 0, 1e4) * 1e-6;
  out.copy_latency = number_within(yaml, "copy_latency_us", 0, 1e6) * 1e-6;
  out.copy_interference = number_within(yaml, "copy_interference", 0, 0.99);
  return out;
}

Calibration read_calibration(const Yaml& yaml) {
  yaml.only({"pass_overhead_seconds", "rate_scale", "attention_ratio", "covariance", "source"});
  Calibration out;
  out.pass_overhead = number_within(yaml, "pass_overhead_seconds", 0, 1e6);
  out.rate_scale = number_within(yaml, "rate_scale", 1e-6, 1e6);
  out.attention_ratio = number_within(yaml, "attention_ratio", 1e-3, 1e3);
  const Yaml& covariance = yaml.at("covariance");
  if (covariance.as_list().size() != 9) throw InputError("must have nine numbers", covariance.where());
  for (size_t i = 0; i < 9; ++i) out.covariance[i] = covariance.as_list()[i].as_number();
  out.source = yaml.at("source").as_string();
  return out;
}

void read_rates(const Yaml& yaml, Gpu& gpu) {
  for (const auto& [name, value] : yaml.as_map()) {
    const double rate = value.as_number();
    if (rate <= 0 || rate > 1e6) throw InputError("must be above 0 and at most 1,000,000", value.where());
    gpu.rates[format_from_name(name, value.where())] = rate * 1e12;
  }
  if (!gpu.rates.contains(Format::f32)) throw InputError("the field 'f32' is missing", yaml.where());
}

// Everything of an entry but its curves.
Gpu read_facts(const std::string& id, const Yaml& yaml) {
  yaml.only({"name", "architecture", "memory_mib", "bandwidth_gb", "link_gb", "multiprocessors", "watts",
             "price_usd", "tflops", "source", "curves", "launch_gap_us", "copy_latency_us",
             "copy_interference"});
  Gpu gpu{.id = id, .name = yaml.at("name").as_string(), .architecture = yaml.at("architecture").as_string()};
  gpu.memory_bytes = static_cast<int64_t>(number_within(yaml, "memory_mib", 64, 1 << 24) * (1 << 20));
  gpu.bandwidth = number_within(yaml, "bandwidth_gb", 1, 1e6) * 1e9;
  gpu.link = number_within(yaml, "link_gb", 0.1, 1e5) * 1e9;
  gpu.multiprocessors = static_cast<int>(number_within(yaml, "multiprocessors", 1, 10000));
  gpu.watts = number_within(yaml, "watts", 1, 1e5);
  gpu.price_usd = number_within(yaml, "price_usd", 0, 1e7);
  read_rates(yaml.at("tflops"), gpu);
  for (const auto& [field, source] : yaml.at("source").as_map()) gpu.sources[field] = source.as_string();
  return gpu;
}

const Gpu& named(const std::vector<Gpu>& first, const std::vector<Gpu>& second, const Yaml& name) {
  std::vector<std::string> names;
  for (const std::vector<Gpu>* list : {&first, &second})
    for (const Gpu& gpu : *list) {
      if (gpu.id == name.as_string()) return gpu;
      names.push_back(gpu.id);
    }
  throw InputError("no GPU is called '" + name.as_string() + "'", name.where(),
                   "the nearest names: " + nearest_names(name.as_string(), names));
}

}  // namespace

std::string_view name_of(Format format) { return kFormats[static_cast<size_t>(format)]; }
std::string_view name_of(WorkKind kind) { return kKinds[static_cast<size_t>(kind)]; }

Format format_from_name(std::string_view name, const std::string& where) {
  for (size_t i = 0; i < kFormats.size(); ++i)
    if (kFormats[i] == name) return static_cast<Format>(i);
  throw InputError("'" + std::string(name) + "' is no number format", where,
                   "take f32, f16, bf16, fp8, int8 or fp4");
}

double bytes_of(Format format) {
  constexpr std::array<double, 6> kBytes = {4, 2, 2, 1, 1, 0.5};
  return kBytes[static_cast<size_t>(format)];
}

double Gpu::rate(Format format) const {
  static const std::map<Format, Format> kWider = {{Format::fp4, Format::fp8},
                                                  {Format::fp8, Format::bf16},
                                                  {Format::int8, Format::bf16},
                                                  {Format::bf16, Format::f16},
                                                  {Format::f16, Format::f32}};
  while (!rates.contains(format)) format = kWider.at(format);
  return rates.at(format);
}

std::vector<Gpu> read_catalogue(const Yaml& yaml, const std::vector<Gpu>& known) {
  yaml.only({"gpus", "default_curves"});
  const auto& entries = yaml.at("gpus").as_map();
  if (entries.empty() || entries.size() > kMostGpus)
    throw InputError("must have 1 to 200 GPUs", yaml.at("gpus").where());
  std::vector<Gpu> gpus;
  for (const auto& [id, entry] : entries) {
    if (entry.find("based_on")) {
      entry.only({"based_on", "calibration"});
      Gpu gpu = named(gpus, known, entry.at("based_on"));
      gpu.id = id;
      gpu.calibration = read_calibration(entry.at("calibration"));
      gpus.push_back(std::move(gpu));
      continue;
    }
    gpus.push_back(read_facts(id, entry));
    if (!entry.find("curves")) continue;
    gpus.back().efficiency = read_efficiency(entry);
    gpus.back().curves_of = id;
  }
  for (Gpu& gpu : gpus) {
    if (!gpu.curves_of.empty()) continue;
    const Gpu& other = named(gpus, known, yaml.at("default_curves"));
    if (other.curves_of.empty())
      throw InputError("the GPU '" + other.id + "' has no curves", yaml.at("default_curves").where());
    gpu.efficiency = other.efficiency;
    gpu.curves_of = other.curves_of;
  }
  return gpus;
}

const std::vector<Gpu>& gpu_catalogue() {
  static const std::vector<Gpu> gpus =
      read_catalogue(Yaml::parse(std::string(gpu_catalogue_text()), "assets/gpus.yaml"), {});
  return gpus;
}

Gpu find_gpu(const std::string& name) {
  if (name.ends_with(".yaml") || name.ends_with(".yml")) {
    std::vector<Gpu> gpus = read_catalogue(Yaml::parse_file(name), gpu_catalogue());
    if (gpus.size() != 1) throw InputError("must hold one GPU to be chosen by --gpu", name);
    return std::move(gpus.front());
  }
  std::vector<std::string> names;
  for (const Gpu& gpu : gpu_catalogue()) {
    if (gpu.id == name) return gpu;
    names.push_back(gpu.id);
  }
  throw UsageError("no GPU is called '" + name + "'", "--gpu",
                   "the nearest names: " + nearest_names(name, names));
}

}  // namespace zoetrope
