// Arguments in, an exit code out: 0 done, 2 usage, 3 bad input, 4 does not fit, 5 device, 6 a --strict
// finding, 130 interrupted.
#include <cstdio>
#include <new>

#include "base/error.h"
#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/options.h"

namespace {

int report(const std::string& message, int code) {
  zoetrope::log_line(zoetrope::LogLevel::error, message);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace zoetrope;
  CLI::App program("Zoetrope: a story idea goes in, a finished video comes out.", "zoetrope");
  program.require_subcommand(1);
  program.set_version_flag("--version", ZT_VERSION);
  Action action;
  add_make(program, action);
  add_clip(program, action);
  add_storyboard(program, action);
  add_forward(program, action);
  add_tokenize(program, action);
  add_bench(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return program.exit(help);
  } catch (const CLI::ParseError& problem) {
    return report(printable(problem.what(), 3000) + " (see zoetrope --help)",
                  static_cast<int>(ErrorKind::usage));
  }
  try {
    catch_interrupts();
    return action();
  } catch (const Error& problem) {
    // The message is printable already.
    std::fprintf(stderr, "error: %s\n", problem.what());
    return problem.exit_code();
  } catch (const std::bad_alloc&) {
    return report("the system has no memory left (choose a smaller --budget, --size or fewer --frames)",
                  static_cast<int>(ErrorKind::does_not_fit));
  } catch (const std::exception& problem) {
    return report(std::string("internal error: ") + problem.what() + " (please report this)", 70);
  }
}
