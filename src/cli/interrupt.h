// Ctrl-C and SIGTERM end a run at its next step, cleanly; a second one ends it at once.
#pragma once

namespace zoetrope {

void catch_interrupts();

}  // namespace zoetrope
