// libFuzzer target of the safetensors reader: any bytes either are refused with an InputError, or are a file
// whose every tensor is found by its name, can be read, and has its part of the data. Build with the fuzz
// preset (clang++, address and undefined sanitizers), then: safetensors_fuzz -max_len=4096 corpus/
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "formats/safetensors.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A file in memory, opened by a path as every other.
  static const int descriptor = ::memfd_create("fuzz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  check(::ftruncate(descriptor, 0) == 0);
  check(::pwrite(descriptor, data, size, 0) == static_cast<ssize_t>(size));
  try {
    const zoetrope::SafetensorsFile file(path);
    uint64_t bytes = 0;
    for (const zoetrope::TensorInfo& tensor : file.tensors()) {
      check(file.find(tensor.name) == &tensor);
      const zoetrope::HostTensor value = file.load(tensor);
      check(value.bytes() == tensor.bytes);
      bytes += tensor.bytes;
    }
    check(bytes == file.data_bytes());
  } catch (const zoetrope::InputError& error) {
    check(std::string(error.what()).size() < 4000);
  }
  return 0;
}
