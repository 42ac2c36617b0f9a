#include "cpu/cpu_device.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "base/threads.h"
#include "cpu/one_thread_gemm.h"

namespace zoetrope {
namespace {

// Mapped, not malloc'ed: pages that are never touched cost nothing, and all go back to the system at once.
class HostBuffer final : public Buffer {
 public:
  explicit HostBuffer(size_t bytes) {
    bytes_ = bytes;
    if (bytes == 0) return;
    void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
      throw FitError("the system gives no " + std::to_string(bytes) + " bytes of memory", "cpu",
                     "choose a smaller --budget, size or number of frames");
    data_ = mapped;
  }
  ~HostBuffer() override {
    if (data_) ::munmap(data_, bytes_);
  }
};

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads) {
    spec_.kind = DeviceKind::cpu;
    spec_.name = "cpu";
    spec_.threads = set_thread_count(threads);
    take_gemm_memory(spec_.threads);
    spec_.memory_bytes = static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
  }
  const DeviceSpec& spec() const override { return spec_; }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return std::make_unique<HostBuffer>(bytes); }
  // What is empty has no address, which memcpy does not allow.
  void copy_in(void* device, const void* host, size_t bytes) override { copy(device, host, bytes); }
  void copy_out(void* host, const void* device, size_t bytes) override { copy(host, device, bytes); }
  void fill(void* device, uint8_t value, size_t bytes) override {
    if (bytes > 0) std::memset(device, value, bytes);
  }
  void synchronize() override {}
  std::unique_ptr<Buffer> allocate_host(size_t bytes) override { return allocate(bytes); }
  void copy_in_async(Lane, void* device, const void* host, size_t bytes) override {
    copy(device, host, bytes);
  }
  std::unique_ptr<Event> make_event() override { return std::make_unique<Event>(); }
  void record(Event&, Lane) override {}
  void wait(Lane, const Event&) override {}
  void wait(const Event&) override {}
  void* compute_stream() override { return nullptr; }

 private:
  static void copy(void* to, const void* from, size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  DeviceSpec spec_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(int threads) { return std::make_unique<CpuDevice>(threads); }

}  // namespace zoetrope
