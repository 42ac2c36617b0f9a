#include "device/device.h"

#include "base/error.h"

namespace zoetrope {
namespace {

class NullDevice final : public Device {
 public:
  explicit NullDevice(DeviceSpec spec) : spec_(std::move(spec)) {}
  const DeviceSpec& spec() const override { return spec_; }
  std::unique_ptr<Buffer> allocate(size_t) override { refuse(); }
  void copy_in(void*, const void*, size_t) override { refuse(); }
  void copy_out(void*, const void*, size_t) override { refuse(); }
  void fill(void*, uint8_t, size_t) override { refuse(); }
  void synchronize() override {}
  std::unique_ptr<Buffer> allocate_host(size_t) override { refuse(); }
  void copy_in_async(Lane, void*, const void*, size_t) override { refuse(); }
  std::unique_ptr<Event> make_event() override { refuse(); }
  void record(Event&, Lane) override { refuse(); }
  void wait(Lane, const Event&) override { refuse(); }
  void wait(const Event&) override { refuse(); }
  void* compute_stream() override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw InternalError("the null device only plans; nothing runs on it"); }
  DeviceSpec spec_;
};

}  // namespace

std::unique_ptr<Device> make_null_device(DeviceSpec spec) {
  return std::make_unique<NullDevice>(std::move(spec));
}

}  // namespace zoetrope
