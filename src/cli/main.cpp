// Arguments in, an exit code out: 0 done, 2 usage, 3 bad input, 4 does not fit, 5 device, 6 a --strict
// finding, 130 interrupted.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/error.h"
#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/options.h"

namespace {

// Threads that wait for work should sleep, not spin: beside another busy program spinning made runs eight
// times slower, and alone it gains next to nothing. OpenMP reads this before main(), so the program starts
// itself anew with it, once.
void wait_asleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  execv("/proc/self/exe", argv);  // where that fails, it goes on spinning
}

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
  add_commands(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return program.exit(help);
  } catch (const CLI::ParseError& problem) {
    return report(printable(problem.what(), 3000) + " (see zoetrope --help)",
                  static_cast<int>(ErrorKind::usage));
  }
  wait_asleep(argv);
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
