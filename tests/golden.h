// Golden tensors: a model folder, inputs, and what the reference implementation makes of them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "pipeline/forward.h"

namespace zoetrope {

struct Golden {
  fs::path folder;
  std::string command;  // "forward --part decode"
  TensorMap inputs, outputs;
  std::string compare_where;  // input that is 1 where outputs count; empty: everywhere
  double bf16_distance = 0;   // relative L2 of the reference's own run in bf16

  std::string part() const;
  int64_t prefill() const;
};

// The device that goldens run on: the environment's ZOETROPE_TEST_DEVICE, or the CPU.
std::string test_device_name();

// The cases below models/<model>/goldens, sorted by name.
std::vector<fs::path> golden_folders(const std::string& model);
Golden read_golden(const fs::path& folder);

// Runs the model in `model_folder` (the golden's own, or a changed copy) on the golden's inputs.
ForwardResult run_golden(const Golden& golden, const fs::path& model_folder, ForwardOptions options = {});

// The relative L2 error over all outputs joined; infinity where one is missing, misshapen or holds NaN.
double golden_error(const Golden& golden, const TensorMap& outputs);

// A copy of the golden's model with its tensors changed by `change` (name, values in float32), every tensor
// stored as float32 then. Removed when it goes out of scope.
class ChangedModel {
 public:
  ChangedModel(const Golden& golden, const std::function<void(const std::string&, HostTensor&)>& change);
  ~ChangedModel();
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

// Names of the weights in a golden's model.
std::vector<std::string> weight_names(const Golden& golden);

}  // namespace zoetrope
