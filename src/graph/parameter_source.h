// Where the values of a graph's parameters come from. The runtime asks by name; who answers (a checkpoint
// bound by rules, seeded random numbers) is no concern of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/dtype.h"
#include "base/error.h"

namespace zoetrope {

class ParameterSource {
 public:
  virtual ~ParameterSource() = default;
  // The type in which the parameter lies in its file: f32, bf16, f16, ... Throws InputError for an unknown
  // name.
  virtual DType stored_type(const std::string& name) const = 0;
  // Writes the whole parameter, dense, in its stored type or in f32, bf16 or f16. Thread-safe.
  virtual void read(const std::string& name, DType as, void* destination) const = 0;
  // Whether read_part() may be asked for the parameter. Large ones are read in parts on several threads.
  virtual bool has_parts(const std::string& /*name*/) const { return false; }
  // The same for `count` elements from element `first` on.
  virtual void read_part(const std::string& name, DType as, int64_t first, int64_t count,
                         void* destination) const;
};

inline void ParameterSource::read_part(const std::string& name, DType, int64_t, int64_t, void*) const {
  throw InternalError("the parameter '" + name + "' is read as a whole");
}

}  // namespace zoetrope
