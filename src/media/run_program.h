// Runs another program: arguments as they are, no shell, bounded in time and output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

struct ProgramResult {
  bool started = false;    // false: not found or not executable; `reason` says why
  bool timed_out = false;  // it was ended after the time limit
  bool flooded = false;    // it was ended because it wrote more than allowed
  int exit_code = -1;      // -1 where a signal ended it
  std::string reason;
  std::string output, errors;  // what it wrote to standard output and error; of the latter at most 64 KiB
};

// arguments[0] is the program, looked up in PATH where it has no slash. `input` is its whole standard input.
// It runs in a process group of its own, so that Ctrl-C reaches us and not it, with the C.UTF-8 locale and
// only the standard descriptors. Throws InputError only where the system has no room for a process.
ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input,
                          double timeout_seconds, size_t most_output_bytes);

}  // namespace zoetrope
