// What a device is to the runtime: bytes, copies, two lanes of work, and a description of what it can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/dtype.h"

namespace zoetrope {

enum class DeviceKind : uint8_t { null, cpu, cuda };

// What a device can do. Rates are in units a second, bytes in bytes.
struct DeviceSpec {
  DeviceKind kind = DeviceKind::null;
  std::string name;
  int64_t memory_bytes = 0;
  int64_t reserved_bytes = 0;  // taken by the driver and the libraries before anything is allocated
  int64_t alignment = 64;      // of every value's address
  bool own_memory = false;     // its kernels do not read the host's memory: everything is carried over
  bool narrow_values = false;  // values lie in memory in the run's precision; else as float32, rounded to it
  int threads = 1;             // host threads that run kernels (CPU)
  int compute_capability = 0;  // 90 for 9.0 (CUDA)
  int multiprocessors = 0;     // (CUDA)

  // A null device plans for the CPU where its description names no other kind.
  DeviceKind kernels() const { return kind == DeviceKind::null ? DeviceKind::cpu : kind; }
};

// Bytes on a device (or page-locked on its host), given back when the last owner goes.
class Buffer {
 public:
  virtual ~Buffer() = default;
  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 protected:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Work on one lane runs in the order in which it was given; the lanes run beside each other.
enum class Lane : uint8_t { compute, copy };

// A moment on a lane. One that was never recorded counts as passed.
class Event {
 public:
  virtual ~Event() = default;
};

// Work of the compute lane that was recorded, to be given again as a whole.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

// Of the host's side; a device whose kernels run on the host does at once what it is given, and its events
// have always passed.
class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceSpec& spec() const = 0;
  // 256-byte aligned on a GPU, 64-byte on the CPU. Throws FitError where the device has not so many bytes.
  // Never called on the run path.
  virtual std::unique_ptr<Buffer> allocate(size_t bytes) = 0;
  // Host memory from which copies run at the link's full speed.
  virtual std::unique_ptr<Buffer> allocate_host(size_t bytes) = 0;

  // In order with the compute lane; the host's bytes may be used again on return.
  virtual void copy_in(void* device, const void* host, size_t bytes) = 0;
  virtual void copy_out(void* host, const void* device, size_t bytes) = 0;
  virtual void fill(void* device, uint8_t value, size_t bytes) = 0;
  virtual void synchronize() = 0;  // until both lanes are empty

  // From memory of allocate_host(), which must stay as it is until the copy has run.
  virtual void copy_in_async(Lane lane, void* device, const void* host, size_t bytes) = 0;
  virtual std::unique_ptr<Event> make_event() = 0;
  virtual void record(Event& event, Lane lane) = 0;
  virtual void wait(Lane lane, const Event& event) = 0;  // the lane goes on once the event has passed
  virtual void wait(const Event& event) = 0;             // the host does; from any thread
  // What kernels are launched on (a cudaStream_t); nullptr on the CPU.
  virtual void* compute_stream() = 0;
  // What `launch` gives to the compute lane, without running it; nullptr where the device cannot record.
  virtual std::unique_ptr<Recording> capture(const std::function<void()>& /*launch*/) { return nullptr; }
  // Bytes that are taken on the device at this moment, by whomever; 0 where nobody counts them.
  virtual int64_t used_bytes() { return 0; }
};

// A device that has a description and no bytes: plans are made for it, nothing runs on it.
std::unique_ptr<Device> make_null_device(DeviceSpec spec);

}  // namespace zoetrope
