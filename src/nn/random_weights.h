// Weights made from a seed instead of read from a file, for measuring models of which no checkpoint is at
// hand.
#pragma once

#include <map>
#include <string>

#include "graph/parameter_source.h"
#include "nn/model.h"

namespace zoetrope {

// Element i of a parameter is evenly spread within ±√3·s around its centre, by a hash of i and of the
// parameter's name: the same on every machine. s is 1/√(inputs of a row) for what multiplies, so that
// activations keep their size; 0.02 for vectors; norms' weights are centred at 1.
class RandomWeights final : public ParameterSource {
 public:
  explicit RandomWeights(const Model& model, uint32_t seed = 1);
  DType stored_type(const std::string&) const override { return DType::bf16; }
  void read(const std::string& name, DType as, void* destination) const override;
  bool has_parts(const std::string&) const override { return true; }
  void read_part(const std::string& name, DType as, int64_t first, int64_t count,
                 void* destination) const override;

 private:
  struct Parameter {
    int64_t elements = 0;
    uint32_t key = 0;
    float centre = 0, spread = 0;
  };
  std::map<std::string, Parameter> parameters_;
};

}  // namespace zoetrope
