#include "cuda/cuda_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "cuda/context.h"
#include "cuda/dnn.h"
#include "cuda/error.h"

namespace zoetrope {
namespace cuda {
namespace {

constexpr int kLeastDriver = 13000;  // CUDA version that the driver must know: 580 and later
constexpr int kLeastCapability = 80;

std::optional<Context> g_context;  // of the one device of this process

class DeviceBuffer final : public Buffer {
 public:
  explicit DeviceBuffer(size_t bytes) {
    bytes_ = bytes;
    if (bytes > 0) check(cudaMalloc(&data_, bytes), fmt::format("cudaMalloc of {} bytes", bytes));
  }
  ~DeviceBuffer() override { cudaFree(data_); }
};

class HostBuffer final : public Buffer {
 public:
  explicit HostBuffer(size_t bytes) {
    bytes_ = bytes;
    if (bytes > 0) check(cudaMallocHost(&data_, bytes), fmt::format("cudaMallocHost of {} bytes", bytes));
  }
  ~HostBuffer() override { cudaFreeHost(data_); }
};

class CudaEvent final : public Event {
 public:
  CudaEvent() {
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync),
          "cudaEventCreate");
  }
  ~CudaEvent() override { cudaEventDestroy(event); }
  cudaEvent_t event = nullptr;
};

// A stream's kernels as a graph: launched with one call, without the host's gaps between them.
class Graphed final : public Recording {
 public:
  Graphed(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "cudaGraphInstantiate");
  }
  ~Graphed() override { cudaGraphExecDestroy(executable_); }
  void replay() override { check(cudaGraphLaunch(executable_, stream_), "cudaGraphLaunch"); }

 private:
  cudaGraphExec_t executable_ = nullptr;
  cudaStream_t stream_;
};

cudaEvent_t native(const Event& event) { return static_cast<const CudaEvent&>(event).event; }

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) {
    if (g_context) throw InternalError("a CUDA device is open already");
    if (const std::string why = cuda_unusable(index); !why.empty())
      throw DeviceError(why, fmt::format("--device cuda:{}", index), "take --device cpu");
    check(cudaSetDevice(index), "cudaSetDevice");
    size_t free_before = 0, free_after = 0, total = 0;
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    context_.index = index;
    check(cudaStreamCreateWithFlags(&context_.compute, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaStreamCreateWithFlags(&context_.copy, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaMemGetInfo(&free_before, &total), "cudaMemGetInfo");
    check(cublasLtCreate(&context_.blas), "cublasLtCreate");
    check(cudaMemGetInfo(&free_after, &total), "cudaMemGetInfo");
    spec_.kind = DeviceKind::cuda;
    spec_.name = properties.name;
    spec_.alignment = 256;
    spec_.own_memory = spec_.narrow_values = true;
    spec_.memory_bytes = static_cast<int64_t>(total);
    spec_.reserved_bytes =
        kContextBytes + static_cast<int64_t>(free_before - std::min(free_before, free_after));
    spec_.compute_capability = properties.major * 10 + properties.minor;
    spec_.multiprocessors = properties.multiProcessorCount;
    g_context = context_;
  }
  ~CudaDevice() override {
    g_context.reset();
    cudaDeviceSynchronize();
    close_dnn();
    cublasLtDestroy(context_.blas);
    cudaStreamDestroy(context_.copy);
    cudaStreamDestroy(context_.compute);
  }

  const DeviceSpec& spec() const override { return spec_; }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return std::make_unique<DeviceBuffer>(bytes); }
  std::unique_ptr<Buffer> allocate_host(size_t bytes) override { return std::make_unique<HostBuffer>(bytes); }

  void copy_in(void* device, const void* host, size_t bytes) override {
    if (bytes == 0) return;
    check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, context_.compute), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(context_.compute), "copy to the device");
  }
  void copy_out(void* host, const void* device, size_t bytes) override {
    if (bytes == 0) return;
    check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, context_.compute), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(context_.compute), "copy from the device");
  }
  void fill(void* device, uint8_t value, size_t bytes) override {
    if (bytes > 0) check(cudaMemsetAsync(device, value, bytes, context_.compute), "cudaMemsetAsync");
  }
  void synchronize() override {
    check(cudaStreamSynchronize(context_.compute), "the compute stream");
    check(cudaStreamSynchronize(context_.copy), "the copy stream");
  }

  void copy_in_async(Lane lane, void* device, const void* host, size_t bytes) override {
    if (bytes == 0) return;
    use();
    check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream(lane)), "cudaMemcpyAsync");
  }
  std::unique_ptr<Event> make_event() override { return std::make_unique<CudaEvent>(); }
  void record(Event& event, Lane lane) override {
    use();
    check(cudaEventRecord(native(event), stream(lane)), "cudaEventRecord");
  }
  void wait(Lane lane, const Event& event) override {
    use();
    check(cudaStreamWaitEvent(stream(lane), native(event), 0), "cudaStreamWaitEvent");
  }
  void wait(const Event& event) override {
    use();
    check(cudaEventSynchronize(native(event)), "cudaEventSynchronize");
  }
  void* compute_stream() override { return context_.compute; }
  std::unique_ptr<Recording> capture(const std::function<void()>& launch) override {
    cudaGraph_t graph = nullptr;
    check(cudaStreamBeginCapture(context_.compute, cudaStreamCaptureModeThreadLocal),
          "cudaStreamBeginCapture");
    try {
      launch();
    } catch (...) {
      cudaStreamEndCapture(context_.compute, &graph);
      if (graph) cudaGraphDestroy(graph);
      throw;
    }
    check(cudaStreamEndCapture(context_.compute, &graph), "cudaStreamEndCapture");
    return std::make_unique<Graphed>(graph, context_.compute);
  }
  int64_t used_bytes() override {
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return static_cast<int64_t>(total - free);
  }

 private:
  // What the driver takes for a process before its first allocation; seen 470 to 520 MiB on Hopper. The
  // driver tells only what is free on the whole card, which other processes change too.
  static constexpr int64_t kContextBytes = int64_t{544} << 20;
  // Copies are given by other threads than kernels.
  void use() const { check(cudaSetDevice(context_.index), "cudaSetDevice"); }
  cudaStream_t stream(Lane lane) const { return lane == Lane::compute ? context_.compute : context_.copy; }

  Context context_;
  DeviceSpec spec_;
};

}  // namespace

const Context& context() {
  if (!g_context) throw InternalError("no CUDA device is open");
  return *g_context;
}

}  // namespace cuda

std::string cuda_unusable(int index) {
  int driver = 0, count = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "there is no NVIDIA driver";
  if (driver < cuda::kLeastDriver)
    return fmt::format("the NVIDIA driver knows CUDA {}.{}, needed is {}.{} (driver 580 or later)",
                       driver / 1000, driver % 1000 / 10, cuda::kLeastDriver / 1000,
                       cuda::kLeastDriver % 1000 / 10);
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess)
    return std::string("the NVIDIA driver gives no device: ") + cudaGetErrorString(status);
  if (index >= count) return fmt::format("there is no GPU number {}: {} found", index, count);
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) return "the GPU tells nothing of itself";
  if (properties.major * 10 + properties.minor < cuda::kLeastCapability)
    return fmt::format("{} has compute capability {}.{}; 8.0 is the least that is supported", properties.name,
                       properties.major, properties.minor);
  return {};
}

std::unique_ptr<Device> make_cuda_device(int index) { return std::make_unique<cuda::CudaDevice>(index); }

}  // namespace zoetrope
