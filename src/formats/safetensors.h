// safetensors files: the one container of weights and tensors that is read and written.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/tensor.h"
#include "formats/safetensors_header.h"

namespace zoetrope {

// An open file whose header is checked whole (see safetensors_header.h). The header is checked and the data
// read through one descriptor, so a file that is replaced in between is still the file that was checked; one
// that is cut short while it is read is an InputError.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const fs::path& path);  // throws InputError

  const fs::path& path() const { return file_.path(); }
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }  // in the order of their data
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  uint64_t data_bytes() const { return file_.size() - data_start_; }
  const TensorInfo* find(std::string_view name) const;  // null where there is none; O(log n)

  // Reads the tensor's bytes (all, or a part of them) as the file has them, little-endian. Thread-safe. A
  // part outside the tensor is an InternalError.
  void read(const TensorInfo& tensor, void* destination) const;
  void read_part(const TensorInfo& tensor, uint64_t byte_offset, uint64_t bytes, void* destination) const;
  HostTensor load(const TensorInfo& tensor) const;

 private:
  InputFile file_;
  uint64_t data_start_ = 0;
  SafetensorsHeader header_;
  std::vector<uint32_t> by_name_;  // indices into tensors(), sorted by name
};

// Every tensor of a file, in memory.
TensorMap load_safetensors(const fs::path& path);

// Writes a file whole or not at all. The same tensors and metadata give the same bytes: tensors by falling
// size of element, then by name (so that each is aligned), the header padded to 8 bytes. Throws InputError
// where it can't be written, or where a name is one that the reader would refuse.
void save_safetensors(const fs::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace zoetrope
