// The CPU as a device: its memory is the host's, its kernels run on the OpenMP pool.
#pragma once

#include <memory>

#include "device/device.h"

namespace zoetrope {

// threads 0: one a core. Sets the pool of the whole process (OpenMP and OpenBLAS share it).
std::unique_ptr<Device> make_cpu_device(int threads = 0);

}  // namespace zoetrope
