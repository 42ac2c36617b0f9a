// The engine alone: tensors in, tensors out.
#include "cli/options.h"

namespace zoetrope {

void add_commands(CLI::App& program, Action& action) {
  add_forward(program, action);
  add_bench(program, action);
}

}  // namespace zoetrope
