#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/session.h"

namespace zoetrope {
namespace {

void on_signal(int) {
  if (stop_requested()) _exit(130);
  request_stop();
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A closed pipe and a file that may not grow are failed writes, not the end of the run.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

}  // namespace zoetrope
