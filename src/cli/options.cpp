#include "cli/options.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "runtime/open_device.h"

namespace zoetrope {

void DeviceOptions::add_to(CLI::App& command) {
  command.add_option("--device", device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--threads", threads, "threads of the CPU; 0: one a core")
      ->check(CLI::Range(0, 128))
      ->capture_default_str();
  command.add_option("--budget", budget,
                     "bytes that a run may hold, such as 2GiB (default: 60 % of the memory)");
  command.add_option("--reserve-vram", reserve, "bytes of a GPU's memory to leave alone, such as 2GiB");
  command
      .add_option("--dtype", dtype,
                  "f32, bf16 or f16; on the CPU weights and every op's output are rounded to it "
                  "(default: f32 on the CPU, bf16 on a GPU)")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}));
}

std::unique_ptr<Device> DeviceOptions::open() const { return open_device(device, threads); }

int64_t DeviceOptions::budget_bytes(const Device& opened) const {
  const int64_t memory = opened.spec().memory_bytes;
  if (!budget.empty()) return parse_bytes(budget, "--budget");
  if (opened.spec().kind != DeviceKind::cuda) return memory / 10 * 6;
  return memory - (reserve.empty() ? memory / 20 : parse_bytes(reserve, "--reserve-vram"));
}

DType DeviceOptions::precision(const Device& opened) const {
  if (dtype.empty()) return opened.spec().kind == DeviceKind::cuda ? DType::bf16 : DType::f32;
  if (dtype == "f32") return DType::f32;
  if (dtype == "bf16") return DType::bf16;
  return DType::f16;
}

CLI::Validator clip_frames() {
  return {[](std::string& text) {
            int64_t frames = 0;
            std::from_chars(text.data(), text.data() + text.size(), frames);
            return frames % 4 == 1 ? std::string() : text + " frames are not 4n+1 (1, 5, 9, ... 33, 81)";
          },
          "4n+1"};
}

CLI::Validator seed_number() {
  return {[](std::string& text) {
            int64_t number = 0;
            const char* last = text.data() + text.size();
            const auto [end, problem] = std::from_chars(text.data(), last, number);
            const bool good = problem == std::errc() && end == last && number >= 0;
            return good ? std::string() : "'" + text + "' is not a whole number from 0 to 2^63 - 1";
          },
          "UINT63"};
}

CLI::Validator finite_number() {
  return {[](std::string& text) {
            double number = 0;
            std::from_chars(text.data(), text.data() + text.size(), number);
            return std::isfinite(number) ? std::string() : "'" + text + "' is not a finite number";
          },
          "FINITE"};
}

int64_t parse_bytes(const std::string& text, const std::string& option) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit;
  for (const char* c = end; c != text.data() + text.size(); ++c)
    if (*c != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*c)));
  static const std::pair<const char*, double> kUnits[] = {{"", 1},
                                                          {"b", 1},
                                                          {"k", 1024.0},
                                                          {"kib", 1024.0},
                                                          {"kb", 1e3},
                                                          {"m", 1048576.0},
                                                          {"mib", 1048576.0},
                                                          {"mb", 1e6},
                                                          {"g", 1073741824.0},
                                                          {"gib", 1073741824.0},
                                                          {"gb", 1e9},
                                                          {"t", 1099511627776.0},
                                                          {"tib", 1099511627776.0},
                                                          {"tb", 1e12}};
  for (const auto& [name, factor] : kUnits) {
    if (problem != std::errc() || unit != name || !(number > 0) || number * factor > 9e15) continue;
    return static_cast<int64_t>(number * factor);
  }
  throw UsageError("'" + text + "' is not a number of bytes", option, "write 32GiB, 1500MB or 4096");
}

Size parse_size(const std::string& text, const std::string& option) {
  Size size;
  const char* last = text.data() + text.size();
  const auto [x, first_problem] = std::from_chars(text.data(), last, size.width);
  if (first_problem == std::errc() && x != last && (*x == 'x' || *x == 'X')) {
    const auto [end, problem] = std::from_chars(x + 1, last, size.height);
    if (problem == std::errc() && end == last && size.width >= 1 && size.height >= 1 && size.width <= 16384 &&
        size.height <= 16384)
      return size;
  }
  throw UsageError("'" + text + "' is not a size", option,
                   "write WIDTHxHEIGHT, such as 192x112, each at most 16384");
}

}  // namespace zoetrope
