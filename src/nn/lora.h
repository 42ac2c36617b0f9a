// LoRAs on a model: the low-rank branches as a graph pass, y += B (A x), and whole differences added as
// weights are read.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/lora.h"
#include "graph/parameter_source.h"
#include "graph/passes.h"
#include "nn/model.h"

namespace zoetrope {

// Several LoRAs for one model, joined along the rank: one branch a linear layer, however many there are.
// Gives the model's own parameters and the branches' to a session.
class LoraSource final : public ParameterSource {
 public:
  // `base` gives the model's own parameters, in parts as well, and must outlive this.
  explicit LoraSource(const ParameterSource& base) : base_(base) {}

  // What a LoRA's names are matched to.
  static LoraModel describe(const DenoiserModel& model);
  // Adds one at a strength (any finite number; 0 does nothing).
  void add(const std::shared_ptr<const Lora>& lora, double strength);
  bool empty() const { return branches_.empty() && differences_.empty(); }

  // Puts the branches into a graph of the model.
  Pass pass() const;

  DType stored_type(const std::string& name) const override;
  void read(const std::string& name, DType as, void* destination) const override;
  bool has_parts(const std::string& name) const override;
  void read_part(const std::string& name, DType as, int64_t first, int64_t count,
                 void* destination) const override;

 private:
  struct Part {
    std::shared_ptr<const Lora> lora;
    const LoraEntry* entry;
    double scale;  // alpha / rank times the strength
  };
  struct Branch {
    std::vector<Part> parts;
    int64_t rank = 0;
  };
  void read_branch(const Branch& branch, bool up, DType as, std::byte* out) const;
  void read_sum(const std::string& name, const std::vector<Part>& differences, DType as, int64_t first,
                int64_t count, std::byte* out) const;

  const ParameterSource& base_;
  std::map<std::string, Branch, std::less<>> branches_;   // by the weight's name
  std::map<std::string, std::vector<Part>> differences_;  // by the parameter's name
};

}  // namespace zoetrope
