// What is known of GPUs: sizes and rates by the makers' sheets, efficiencies where they were measured.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "forecast/curve.h"

namespace zoetrope {

enum class Format : uint8_t { f32, f16, bf16, fp8, int8, fp4 };
std::string_view name_of(Format format);
// Throws InputError naming `where` and the formats there are.
Format format_from_name(std::string_view name, const std::string& where);
double bytes_of(Format format);  // of one element

// What a step is to a cost model.
enum class WorkKind : uint8_t { product, attention, convolution, bytes };
std::string_view name_of(WorkKind kind);

struct MeasuredCurve {
  WorkKind kind = WorkKind::bytes;
  std::optional<Format> format;  // none for bytes
  bool burst = false;            // of the first tenths of a second; else of the sustained clock
  int64_t head = 0;              // attention: the width of a head
  Curve curve;
  std::string source;
};

// How a chip fares against its peaks.
struct Efficiency {
  std::vector<MeasuredCurve> curves;
  double launch_gap = 0;         // seconds before every step
  double copy_latency = 0;       // seconds before every copy
  double copy_interference = 0;  // share of the link that is lost while something computes
};

// Fitted to whole runs that were measured elsewhere (forecast/calibrate.h). Without it the law is 0, 1, 1.
struct Calibration {
  double pass_overhead = 0;    // seconds a pass: text, load, decode and saving are in it
  double rate_scale = 1;       // of all rates
  double attention_ratio = 1;  // of the attention's rate to all others, beside the base entry's
  // Of the three's natural scales (overhead, log of the scale, log of the ratio), row by row: what a range
  // of a forecast is made of.
  std::vector<double> covariance = std::vector<double>(9, 0.0);
  std::string source;
};

struct Gpu {
  std::string id, name, architecture;
  int64_t memory_bytes = 0;
  double bandwidth = 0, link = 0;  // bytes a second
  int multiprocessors = 0;
  double watts = 0, price_usd = 0;
  std::map<Format, double> rates;              // operations a second, dense
  std::map<std::string, std::string> sources;  // by field
  std::string curves_of;                       // the entry whose curves these are
  Efficiency efficiency;
  std::optional<Calibration> calibration;

  // Whether the curves are this chip's own.
  bool measured() const { return curves_of == id; }
  // Of the format, or of the next wider one that the chip has a rate for.
  double rate(Format format) const;
};

// Reads a catalogue; GPUs without curves take those of `default_curves`, looked for among `known` too. A
// calibrated entry says which GPU it is `based_on`. Throws InputError with line and field.
std::vector<Gpu> read_catalogue(const Yaml& yaml, const std::vector<Gpu>& known);

// assets/gpus.yaml as it was when the program was built.
const std::vector<Gpu>& gpu_catalogue();
std::string_view gpu_catalogue_text();

// A GPU of the catalogue by name, or the only one of a file where `name` ends in .yaml or .yml. Throws
// UsageError that offers the nearest names.
Gpu find_gpu(const std::string& name);

}  // namespace zoetrope
