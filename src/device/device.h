// What a device is to the runtime: bytes, copies, and a description of what it can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace zoetrope {

enum class DeviceKind : uint8_t { null, cpu, cuda };

// What a device can do. Rates are in units a second, bytes in bytes.
struct DeviceSpec {
  DeviceKind kind = DeviceKind::null;
  std::string name;
  int64_t memory_bytes = 0;
  int threads = 1;  // host threads that run kernels (CPU)
};

// Bytes on a device, given back when the last owner goes.
class Buffer {
 public:
  virtual ~Buffer() = default;
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 protected:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceSpec& spec() const = 0;
  // 64-byte aligned. Throws FitError where the device has not so many bytes. Never called on the run path.
  virtual std::unique_ptr<Buffer> allocate(size_t bytes) = 0;
  virtual void copy_in(void* device, const void* host, size_t bytes) = 0;
  virtual void copy_out(void* host, const void* device, size_t bytes) = 0;
  virtual void fill(void* device, uint8_t value, size_t bytes) = 0;
  virtual void synchronize() = 0;
};

// A device that has a description and no bytes: plans are made for it, nothing runs on it.
std::unique_ptr<Device> make_null_device(DeviceSpec spec);

}  // namespace zoetrope
