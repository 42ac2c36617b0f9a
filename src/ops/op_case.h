// For tests and benchmarks of ops: a case list drives all of them. Runs one graph, a node at a time, with
// guard bytes around every output and the workspace, and compares with a reference in double precision.
//
// The environment's ZOETROPE_TEST_DEVICE chooses the device (cpu, the default, or cuda), and on one that
// stores narrow values ZOETROPE_TEST_DTYPE their type (f32, the default, bf16 or f16): inputs, states,
// results and the parameters that may be narrow then have it, as in a session, but for float32 islands.
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
  // Storage type of parameters (the linear kernels' bf16 path, for example) where values are float32.
  DType parameter_type = DType::f32;
};

struct OpRun {
  TensorMap inputs;   // what was given, rounded to the type it was stored in, in float32 where floating
  TensorMap outputs;  // "y", ... in float32 (or their own integer type)
  TensorMap states;   // after the run, likewise
};

// Runs every node of the case in order, on the CPU with `threads` threads. Throws InternalError where a
// guard byte changed, where an output byte or (of a kernel on the host) the workspace's end was left
// unwritten, where a result differs when it is written over an input as the op allows, or where no kernel
// supports a node.
OpRun run_case(const OpCase& op_case, int threads = 2);

// The type that values are stored in, and by how much of itself storing one may change it: half a step of the
// type, nothing in float32.
DType stored_type();
double storage_rounding();
float as_stored(float value);  // rounded to that type

// ‖a − b‖ / ‖b‖ in double; NaN anywhere gives infinity.
double relative_error(const HostTensor& a, const HostTensor& b);

// What a sum of n products of this size in float32 arithmetic, stored once, may differ by: sqrt(n) roundings
// at random, with a factor of four for the worst of many elements, and storage_rounding(). Of a chain of sums
// each has its own.
double float32_tolerance(int64_t reduction_length);

}  // namespace zoetrope
