// Ties a model's parameters to the tensors of a checkpoint, strictly: nothing missing, nothing left over,
// every shape as the config says.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "graph/graph.h"
#include "graph/parameter_source.h"
#include "nn/model.h"

namespace zoetrope {

class Binding final : public ParameterSource {
 public:
  // Every parameter of the model is bound under the rule of its layout; tensors that no rule names are errors
  // unless the layout ignores them. The checkpoint must outlive the binding. Throws InputError listing (the
  // first 20 of) what is missing, unexpected and misshapen.
  Binding(const Model& model, const Checkpoint& checkpoint);

  DType stored_type(const std::string& name) const override;
  void read(const std::string& name, DType as, void* destination) const override;
  bool has_parts(const std::string&) const override { return true; }
  void read_part(const std::string& name, DType as, int64_t first, int64_t count,
                 void* destination) const override;

  const WeightLayout& layout() const { return layout_; }

 private:
  struct Piece {
    const CheckpointTensor* tensor;
    uint64_t first_byte, bytes;
  };
  struct Bound {
    std::vector<Piece> pieces;
    DType type = DType::f32;
    int64_t elements = 0;
  };
  const Bound& bound(const std::string& name) const;
  // `count` elements of a piece from its element `first` on.
  void read_elements(const Piece& piece, DType as, int64_t first, int64_t count, char* out) const;

  const Checkpoint& checkpoint_;
  WeightLayout layout_;
  std::map<std::string, Bound> bound_;
};

}  // namespace zoetrope
