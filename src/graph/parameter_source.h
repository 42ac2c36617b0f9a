// Where the values of a graph's parameters come from. The runtime asks by name; who answers (a checkpoint
// bound by rules, seeded random numbers) is no concern of it.
#pragma once

#include <string>

#include "base/dtype.h"

namespace zoetrope {

class ParameterSource {
 public:
  virtual ~ParameterSource() = default;
  // The type in which the parameter lies in its file: f32, bf16, f16, ... Throws InputError for an unknown
  // name.
  virtual DType stored_type(const std::string& name) const = 0;
  // Writes the whole parameter, dense, in its stored type or in f32, bf16 or f16. Thread-safe.
  virtual void read(const std::string& name, DType as, void* destination) const = 0;
};

}  // namespace zoetrope
