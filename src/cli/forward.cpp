#include "pipeline/forward.h"

#include <fmt/format.h>

#include "base/log.h"
#include "cli/options.h"
#include "formats/safetensors.h"

namespace zoetrope {
namespace {

struct Arguments {
  std::string model, in, out, part;
  int64_t prefill = 0;
  bool explain = false;
  DeviceOptions device;
};

int run(const Arguments& a) {
  const auto device = a.device.open();
  const DType precision = a.device.precision(*device);
  const int64_t budget = a.device.budget_bytes(*device);
  const Component component(a.model);
  const TensorMap inputs = load_safetensors(a.in);
  const ForwardResult result = run_forward(component, inputs, a.in, *device,
                                           {.part = a.part,
                                            .prefill = a.prefill,
                                            .precision = precision,
                                            .budget_bytes = budget,
                                            .explain = a.explain});
  save_safetensors(a.out, result.outputs);
  if (a.explain) fmt::print("{}", result.explanation);
  log_info("{}", result.plan.text());
  return 0;
}

}  // namespace

void add_forward(CLI::App& program, Action& action) {
  auto a = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("forward", "One forward of a model: tensors in, tensors out");
  command->add_option("MODEL_DIR", a->model, "folder with config.json and weights")->required();
  command->add_option("IN", a->in, "safetensors with the inputs under the reference's names")->required();
  command->add_option("OUT", a->out, "safetensors that is written")->required();
  command->add_option("--part", a->part, "of an autoencoder: encode or decode")
      ->check(CLI::IsMember({"encode", "decode"}));
  command
      ->add_option("--prefill", a->prefill,
                   "of a language model: this many tokens at once, the rest one by one")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  command->add_flag("--explain", a->explain, "print every step with its kernel, bytes and place");
  a->device.add_to(*command);
  command->callback([a, &action] { action = [a] { return run(*a); }; });
}

}  // namespace zoetrope
