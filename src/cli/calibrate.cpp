#include "forecast/calibrate.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/options.h"

namespace zoetrope {
namespace {

struct Arguments {
  std::string from, out;
};

int run(const Arguments& a) {
  const MeasuredRuns measured = read_runs(Yaml::parse_file(a.from));
  const Fit fit = fit_runs(measured);
  write_file_atomically(a.out, yaml_of(measured, fit));
  fmt::print("{}", table_of(measured, fit));
  return 0;
}

}  // namespace

void add_calibrate(CLI::App& program, Action& action) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("calibrate", "Fit a GPU to runs that were measured, for plans");
  command->add_option("--from", a->from, "YAML: gpu, and runs with their times")->required();
  command->add_option("-o,--out", a->out, "YAML that is written, for plan --gpu")->required();
  command->callback([a, &action] { action = [a] { return run(*a); }; });
}

}  // namespace zoetrope
