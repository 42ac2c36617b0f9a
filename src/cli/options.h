// Options that several commands share, and the spellings of sizes and budgets.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/dtype.h"
#include "device/device.h"

namespace zoetrope {

// What a command does once its arguments were read; returns the exit code.
using Action = std::function<int()>;

struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;
  std::string budget;
  std::string reserve;
  std::string dtype;

  void add_to(CLI::App& command);
  // Throws UsageError for an unknown name, DeviceError where the device can't be had. Says which one "auto"
  // became.
  std::unique_ptr<Device> open() const;
  // Default: 60 % of the host's memory, or a GPU's but for what is to be left alone (a twentieth).
  int64_t budget_bytes(const Device& device) const;
  DType precision(const Device& device) const;
};

struct Size {
  int64_t width = 0, height = 0;
};

// "32GiB", "1500MB", "64k" (1024), "4096". Throws UsageError naming the option.
int64_t parse_bytes(const std::string& text, const std::string& option);
// "192x112". Both from 1 to 16384. Throws UsageError.
Size parse_size(const std::string& text, const std::string& option = "--size");

// Checks that need no model: what they refuse is told before anything is read.
CLI::Validator clip_frames();    // 4n+1
CLI::Validator seed_number();    // what fits, not cut to what fits
CLI::Validator finite_number();  // neither NaN nor infinite

// All commands of this build.
void add_commands(CLI::App& program, Action& action);

// The commands; each adds itself to the program and sets `action` when it was chosen.
void add_forward(CLI::App& program, Action& action);
void add_tokenize(CLI::App& program, Action& action);
void add_clip(CLI::App& program, Action& action);
void add_bench(CLI::App& program, Action& action);
void add_storyboard(CLI::App& program, Action& action);
void add_make(CLI::App& program, Action& action);
void add_gpus(CLI::App& program, Action& action);
void add_plan(CLI::App& program, Action& action);
void add_calibrate(CLI::App& program, Action& action);

}  // namespace zoetrope
