#include "runtime/open_device.h"

#include <charconv>

#include "base/error.h"
#include "base/log.h"
#include "cpu/cpu_device.h"
#ifdef ZT_CUDA
#include "cuda/cuda_device.h"
#endif

namespace zoetrope {
namespace {

#ifdef ZT_CUDA
std::unique_ptr<Device> open_gpu(int index) { return make_cuda_device(index); }
std::string gpu_unusable() { return cuda_unusable(); }
#else
std::unique_ptr<Device> open_gpu(int index) {
  throw DeviceError("this build has no CUDA device", "--device cuda:" + std::to_string(index),
                    "take --device cpu");
}
std::string gpu_unusable() { return "this build has no CUDA device"; }
#endif

}  // namespace

std::unique_ptr<Device> open_device(const std::string& name, int threads) {
  if (name == "cpu") return make_cpu_device(threads);
  if (name == "auto") {
    const std::string why = gpu_unusable();
    auto device = why.empty() ? open_gpu(0) : make_cpu_device(threads);
#ifdef ZT_CUDA
    log_info("device: {}{}", device->spec().name, why.empty() ? "" : " (" + why + ")");
#endif
    return device;
  }
  int index = 0;
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + 5, end, index);
    if (error != std::errc() || rest != end || index < 0)
      throw UsageError("'" + name + "' is not a device", "--device", "take auto, cpu, cuda or cuda:0");
  } else if (name != "cuda") {
    throw UsageError("'" + name + "' is not a device", "--device", "take auto, cpu, cuda or cuda:0");
  }
  return open_gpu(index);
}

}  // namespace zoetrope
