// For tests and benchmarks of ops: a case list drives all of them. Runs one node on the CPU with guard bytes
// around every output and the workspace, and compares with a reference in double precision.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/registry.h"

namespace zoetrope {

struct OpCase {
  std::string name;
  // Builds the graph: inputs are declared with graph.input()/parameter()/state(), results with
  // graph.output("y", ...).
  std::function<void(Graph&)> build;
  // Values for the inputs by name; those not named are drawn from a normal distribution seeded by the name.
  TensorMap inputs;
  // Storage type of parameters (the linear kernels' bf16 path, for example).
  DType parameter_type = DType::f32;
};

struct OpRun {
  TensorMap inputs;   // what was given, widened to float32 where floating
  TensorMap outputs;  // "y", ... in float32 (or their own integer type)
  TensorMap states;   // after the run
};

// Runs every node of the case in order on the CPU device with `threads` threads. Throws InternalError where a
// guard byte changed, where an output byte or the workspace's end was left unwritten, where a result differs
// when it is written over an input as the op allows, or where no kernel supports a node.
OpRun run_case(const OpCase& op_case, int threads = 2);

// ‖a − b‖ / ‖b‖ in double; NaN anywhere gives infinity.
double relative_error(const HostTensor& a, const HostTensor& b);

// What float32 arithmetic may differ by after a sum of n products of this size: sqrt(n) roundings at random,
// with a factor of four for the worst of many elements.
double float32_tolerance(int64_t reduction_length);

}  // namespace zoetrope
