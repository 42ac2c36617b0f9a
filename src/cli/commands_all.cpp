#include "cli/options.h"

namespace zoetrope {

void add_commands(CLI::App& program, Action& action) {
  add_make(program, action);
  add_clip(program, action);
  add_storyboard(program, action);
  add_forward(program, action);
  add_tokenize(program, action);
  add_bench(program, action);
  add_gpus(program, action);
  add_plan(program, action);
  add_calibrate(program, action);
}

}  // namespace zoetrope
