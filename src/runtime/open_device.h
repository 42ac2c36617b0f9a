// Devices by the names that people give them.
#pragma once

#include <memory>
#include <string>

#include "device/device.h"

namespace zoetrope {

// "auto", "cpu", "cuda" (the first GPU) or "cuda:N". "auto" is the GPU where one can be used, else the CPU.
// threads: of the CPU; 0: one a core. Throws UsageError for another name, DeviceError where the device can't
// be had.
std::unique_ptr<Device> open_device(const std::string& name, int threads);

}  // namespace zoetrope
