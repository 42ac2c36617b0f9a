#include <fmt/format.h>

#include "base/json.h"
#include "cli/options.h"
#include "forecast/gpu_catalogue.h"

namespace zoetrope {
namespace {

struct Arguments {
  bool json = false;
  std::string file;
};

Json json_of(const Gpu& gpu) {
  Json out = Json::object(), rates = Json::object(), sources = Json::object();
  for (const auto& [format, rate] : gpu.rates) rates.set(name_of(format), rate);
  for (const auto& [field, source] : gpu.sources) sources.set(field, source);
  out.set("id", gpu.id).set("name", gpu.name).set("architecture", gpu.architecture);
  out.set("memory_bytes", gpu.memory_bytes);
  out.set("bandwidth_bytes_per_second", gpu.bandwidth).set("link_bytes_per_second", gpu.link);
  out.set("operations_per_second", rates).set("multiprocessors", gpu.multiprocessors);
  out.set("watts", gpu.watts).set("price_usd", gpu.price_usd);
  out.set("curves", gpu.measured() ? "measured" : "of " + gpu.curves_of).set("source", sources);
  return out;
}

std::string tera(const Gpu& gpu, Format format) {
  return gpu.rates.contains(format) ? fmt::format("{:.4g}", gpu.rates.at(format) / 1e12) : "-";
}

int run(const Arguments& a) {
  const std::vector<Gpu> own =
      a.file.empty() ? std::vector<Gpu>{} : read_catalogue(Yaml::parse_file(a.file), gpu_catalogue());
  const std::vector<Gpu>& gpus = a.file.empty() ? gpu_catalogue() : own;
  if (a.json) {
    Json list = Json::array();
    for (const Gpu& gpu : gpus) list.push_back(json_of(gpu));
    fmt::print("{}\n", list.dump(-1));
    return 0;
  }
  fmt::print("{:<24} {:>9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>7}  {}\n", "GPU", "MiB", "GB/s",
             "link", "bf16", "fp8", "int8", "fp4", "watts", "USD", "efficiency");
  for (const Gpu& gpu : gpus)
    fmt::print("{:<24} {:>9} {:>6.0f} {:>6.1f} {:>6} {:>6} {:>6} {:>6} {:>5.0f} {:>7.0f}  {}\n", gpu.id,
               gpu.memory_bytes >> 20, gpu.bandwidth / 1e9, gpu.link / 1e9, tera(gpu, Format::bf16),
               tera(gpu, Format::fp8), tera(gpu, Format::int8), tera(gpu, Format::fp4), gpu.watts,
               gpu.price_usd, gpu.measured() ? "measured" : "curves of " + gpu.curves_of);
  fmt::print("link: GB/s from page-locked memory; bf16 to fp4: dense tera-operations a second\n");
  return 0;
}

}  // namespace

void add_gpus(CLI::App& program, Action& action) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("gpus", "The GPUs that plans know");
  command->add_option("--file", a->file, "a catalogue of your own (YAML) instead");
  command->add_flag("--json", a->json, "one line of JSON, with the source of every field");
  command->callback([a, &action] { action = [a] { return run(*a); }; });
}

}  // namespace zoetrope
