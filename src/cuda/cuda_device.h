// An NVIDIA GPU as a device: two streams, one for kernels and one for copies.
#pragma once

#include <memory>
#include <string>

#include "device/device.h"

namespace zoetrope {

// Why no GPU can be used here ("no NVIDIA driver", "NVIDIA GTX 1080 has compute capability 6.1; 8.0 is the
// least"); empty where one can.
std::string cuda_unusable(int index = 0);

// GPU number `index`. Throws DeviceError where there is none, or it or its driver is too old. One device a
// process: the libraries' handles are the process's.
std::unique_ptr<Device> make_cuda_device(int index = 0);

}  // namespace zoetrope
