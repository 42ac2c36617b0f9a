// What a session holds once it has taken its memory. Private to the session's sources.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/session.h"

namespace zoetrope {

// What the arena holds before a run, so that afterwards the highest byte that was written can be found.
constexpr uint8_t kArenaPattern = 0xA5;

inline int64_t bytes_of(const ValueType& type) {
  return type.shape.elements() * static_cast<int64_t>(size_of(type.dtype));
}

// A streamed parameter of a step.
struct BoundFetch {
  std::string parameter;
  void* destination;
  void* staging;
  // On a device with a memory of its own: the step from which on it may be copied, and its arrival.
  size_t issue_step = 0;
  std::unique_ptr<Event> arrived;
};

struct BoundStep {
  std::unique_ptr<PreparedKernel> kernel;
  std::vector<TensorView> inputs, outputs;
  void* workspace = nullptr;
  std::vector<BoundFetch> fetches;
  size_t items_needed = 0;  // of the graph's items, up to this step's
  std::vector<std::pair<DType, TensorView>> roundings;
  std::unique_ptr<Event> done;  // where a copy waits for it
};

// A graph whose values have addresses and whose steps have kernels.
struct BoundGraph {
  std::vector<BoundStep> steps;
  std::vector<WeightFeed::Item> items;  // fetches of all steps, where they travel
  std::unique_ptr<Event> begun;
  std::vector<TensorView> values;
  std::vector<ValueId> inputs;
  // From the second run on, where the device captures and nothing is streamed: all steps as one.
  std::unique_ptr<Recording> captured;
  bool has_run = false;
};

// Everything that exists only once memory was taken.
struct Session::Loaded {
  std::unique_ptr<Buffer> parameters, constants, state, arena;
  std::map<std::string, int64_t> parameter_offsets, state_offsets;
  std::map<std::pair<size_t, ValueId>, int64_t> constant_offsets;
  std::vector<BoundGraph> graphs;
  std::unique_ptr<Buffer> exchange;  // an input or output on its way between its types
  std::unique_ptr<WeightFeed> feed;
};

}  // namespace zoetrope
