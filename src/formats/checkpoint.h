// The weights of one model: one safetensors file, or the shards that an index names, seen as one set of
// tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"

namespace zoetrope {

struct CheckpointTensor {
  const TensorInfo* info = nullptr;  // owned by the checkpoint
  uint32_t file = 0;                 // index into Checkpoint::files()

  const std::string& name() const { return info->name; }
  DType dtype() const { return info->dtype; }
  const Shape& shape() const { return info->shape; }
  uint64_t bytes() const { return info->bytes; }
};

class Checkpoint {
 public:
  // Opens a file (X.safetensors, or an index X.safetensors.index.json) or a folder. In a folder the first of
  // these that exists is taken, for each of base_names in turn ("diffusion_pytorch_model", "model" where none
  // are given): B.safetensors or B.safetensors.index.json; B.<variant>.safetensors or
  // B.safetensors.index.<variant>.json (fp16, bf16, ...); and last the only *.safetensors, or the only index,
  // that the folder has. Several candidates of one rank, or none, are an InputError that lists what is there.
  // Pickles (.bin, .pt, .pth, .ckpt) are never read.
  //
  // An index names its shards by plain file names in its own folder, no path. Both ways round, index and
  // shards must agree on every tensor. A shard may be a link to anywhere, as in the Hugging Face cache:
  // whoever made the folder made the link, and what it leads to must be a regular file in the safetensors
  // format.
  static Checkpoint open(const fs::path& file_or_folder, std::span<const std::string> base_names = {});

  const fs::path& path() const { return path_; }  // the file or index that was opened
  const std::vector<std::unique_ptr<SafetensorsFile>>& files() const { return files_; }
  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }  // sorted by name
  const CheckpointTensor* find(std::string_view name) const;                 // null where there is none
  uint64_t bytes() const;                                                    // of all tensors

  // See SafetensorsFile: thread-safe, little-endian bytes as the file has them.
  void read(const CheckpointTensor& tensor, void* destination) const;
  void read_part(const CheckpointTensor& tensor, uint64_t byte_offset, uint64_t bytes,
                 void* destination) const;
  HostTensor load(const CheckpointTensor& tensor) const;

 private:
  void open_index(const fs::path& index);
  void collect();  // fills tensors_ from files_

  fs::path path_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<CheckpointTensor> tensors_;
};

}  // namespace zoetrope
