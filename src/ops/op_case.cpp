#include "ops/op_case.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "cpu/cpu_device.h"
#include "graph/passes.h"
#ifdef ZT_CUDA
#include "cuda/cuda_device.h"
#endif

namespace zoetrope {
namespace {

constexpr size_t kGuard = 256;      // on each side; keeps the alignment that devices give
constexpr uint8_t kPattern = 0xFF;  // as any floating type it is NaN: what is read before it is written shows

bool is_gpu_asked() {
  const char* name = std::getenv("ZOETROPE_TEST_DEVICE");
  if (!name || std::string_view(name) == "cpu") return false;
  if (std::string_view(name) == "cuda") return true;
  throw UsageError(std::string("ZOETROPE_TEST_DEVICE is cpu or cuda, not ") + name);
}

// The CPU is opened for each run, since its threads differ; a GPU once, and never given back: at the end of
// the process its libraries may be gone already.
std::shared_ptr<Device> open_device(int threads) {
  if (!is_gpu_asked()) return make_cpu_device(threads);
#ifdef ZT_CUDA
  static Device* const gpu = make_cuda_device().release();
  return {gpu, [](Device*) {}};
#else
  throw DeviceError("this build has no CUDA device", "ZOETROPE_TEST_DEVICE");
#endif
}

// Bytes of a device with guards on both sides; check() throws where a guard changed.
class GuardedBytes {
 public:
  GuardedBytes(Device& device, size_t bytes)
      : device_(device), bytes_(bytes), buffer_(device.allocate(bytes + 2 * kGuard)) {
    device_.fill(buffer_->data(), kPattern, bytes + 2 * kGuard);
  }
  uint8_t* data() { return static_cast<uint8_t*>(buffer_->data()) + kGuard; }
  void check(const std::string& what) const {
    const std::vector<uint8_t> all = read(0, bytes_ + 2 * kGuard);
    for (size_t i = 0; i < kGuard; ++i)
      if (all[i] != kPattern || all[kGuard + bytes_ + i] != kPattern)
        throw InternalError("bytes outside " + what + " were changed");
  }
  bool last_untouched() const {
    const size_t count = std::min<size_t>(bytes_, 4);
    return bytes_ > 0 && read(kGuard + bytes_ - count, count) == std::vector<uint8_t>(count, kPattern);
  }
  bool untouched_run(size_t length) const {
    size_t run = 0;
    for (uint8_t byte : read(kGuard, bytes_)) {
      run = byte == kPattern ? run + 1 : 0;
      if (run >= length) return true;
    }
    return false;
  }

 private:
  std::vector<uint8_t> read(size_t from, size_t count) const {
    std::vector<uint8_t> bytes(count);
    device_.copy_out(bytes.data(), static_cast<const uint8_t*>(buffer_->data()) + from, count);
    return bytes;
  }

  Device& device_;
  size_t bytes_;
  std::unique_ptr<Buffer> buffer_;
};

HostTensor drawn(const Value& value) {
  if (!is_floating(value.type.dtype)) return HostTensor(value.type.dtype, value.type.shape);
  HostTensor tensor(DType::f32, value.type.shape);
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(value.name)));
  std::normal_distribution<float> normal;
  for (float& x : tensor.f32()) x = normal(random);
  return tensor;
}

HostTensor stored_as(DType type, const HostTensor& wide) {
  if (wide.dtype() == type) return wide;
  HostTensor narrow(type, wide.shape());
  narrow_from_f32(type, wide.f32().data(), narrow.data(), static_cast<size_t>(wide.elements()));
  return narrow;
}

HostTensor widened(const HostTensor& tensor) {
  return is_floating(tensor.dtype()) ? tensor.to_f32() : tensor;
}

// Parameters that every reader takes narrow are held so.
void assign_parameter_types(Graph& graph, DType type) {
  for (ValueId id : graph.all(ValueKind::parameter)) {
    bool narrow = !graph.value(id).keep_f32;
    for (const Node& node : graph.nodes())
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] == id) narrow = narrow && node.op->takes_narrow(i);
    if (narrow) graph.value(id).type.dtype = type;
  }
}

class CaseRun {
 public:
  CaseRun(const OpCase& op_case, int threads)
      : case_(op_case), device_(open_device(threads)), graph_(op_case.name) {
    case_.build(graph_);
    verify(graph_);
    if (stored_type() != DType::f32) {
      run_passes(graph_, {assign_types(stored_type())});
      assign_parameter_types(graph_, stored_type());
    } else {
      for (ValueId id : graph_.all(ValueKind::parameter)) graph_.value(id).type.dtype = case_.parameter_type;
    }
    memory_.resize(graph_.values().size());
    views_.resize(graph_.values().size());
  }

  OpRun run() {
    OpRun result;
    for (size_t i = 0; i < memory_.size(); ++i) place(static_cast<ValueId>(i), result.inputs);
    for (const Node& node : graph_.nodes()) run_node(node);
    for (const auto& [name, id] : graph_.outputs()) result.outputs[name] = taken(views_[index(id)]);
    for (ValueId id : graph_.all(ValueKind::state))
      result.states[graph_.value(id).name] = taken(views_[index(id)]);
    return result;
  }

 private:
  struct Step {
    const Kernel& kernel;
    NodeView view;
    std::vector<TensorView> inputs, outputs;
  };

  static size_t index(ValueId id) { return static_cast<size_t>(id); }
  const DeviceSpec& spec() const { return device_->spec(); }

  // Gives a value its bytes, and its content where it comes from outside.
  void place(ValueId id, TensorMap& inputs) {
    const Value& value = graph_.value(id);
    TensorView& view = views_[index(id)];
    view = {nullptr, value.type.dtype, value.type.shape};
    memory_[index(id)] = std::make_unique<GuardedBytes>(*device_, view.bytes());
    view.data = memory_[index(id)]->data();
    if (value.kind == ValueKind::result) return;
    HostTensor content;
    if (value.kind == ValueKind::constant) {
      content = *value.constant;
    } else {
      const auto given = case_.inputs.find(value.name);
      content = stored_as(view.dtype, given != case_.inputs.end() ? given->second : drawn(value));
      inputs[value.name] = widened(content);
    }
    device_->copy_in(view.data, content.data(), content.bytes());
  }

  HostTensor bytes_of(const TensorView& view) const {
    HostTensor tensor(view.dtype, view.shape);
    device_->copy_out(tensor.data(), view.data, tensor.bytes());
    return tensor;
  }
  HostTensor taken(const TensorView& view) const { return widened(bytes_of(view)); }

  void run_node(const Node& node) {
    const NodeView view = graph_.view(node);
    if (const auto offset = node.op->view_offset(view)) {
      views_[index(node.outputs[0])].data = views_[index(node.inputs[0])].as<char>() + *offset;
      return;
    }
    const Kernel* kernel = find_kernel(spec().kernels(), *node.op, view);
    if (!kernel)
      throw InternalError("no kernel of the " + spec().name + " supports " + std::string(node.op->name()));
    Step step{*kernel, view, {}, {}};
    std::vector<std::unique_ptr<GuardedBytes>> packed;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      step.inputs.push_back(node.inputs[i] == kNoValue ? TensorView{} : views_[index(node.inputs[i])]);
      const size_t bytes = node.inputs[i] == kNoValue ? 0 : kernel->packed_bytes(view, i, spec());
      if (bytes == 0) continue;
      packed.push_back(std::make_unique<GuardedBytes>(*device_, bytes));
      kernel->pack(view, i, taken(step.inputs.back()).f32().data(), packed.back()->data(), spec());
      packed.back()->check("a packed parameter of " + case_.name);
      step.inputs.back().data = packed.back()->data();
    }
    for (ValueId id : node.outputs) step.outputs.push_back(views_[index(id)]);
    const auto in_place = launch_in_place(*node.op, step);
    launch(step);
    for (const HostTensor& result : in_place)
      if (std::memcmp(result.data(), bytes_of(step.outputs[0]).data(), result.bytes()) != 0)
        throw InternalError(case_.name + " gives other bytes when it is written over an input");
    for (ValueId id : node.outputs) {
      memory_[index(id)]->check("an output of " + case_.name);
      if (memory_[index(id)]->untouched_run(8))
        throw InternalError("an output of " + case_.name + " was not written throughout");
    }
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] != kNoValue && node.op->mutates(view, i))
        memory_[index(node.inputs[i])]->check("a state of " + case_.name);
  }

  // One launch with its own workspace; what the contract says about the workspace is checked. What a GPU's
  // library is given is a cap, of which it may leave some.
  void launch(const Step& step) {
    GuardedBytes workspace(*device_, step.kernel.workspace(step.view, spec()));
    const auto prepared = step.kernel.prepare(step.view, spec());
    prepared->launch({step.inputs, step.outputs, workspace.data(), device_->compute_stream()});
    device_->synchronize();
    workspace.check("the workspace of " + case_.name);
    if (!spec().own_memory && workspace.last_untouched())
      throw InternalError("the workspace of " + case_.name + " is larger than what is used");
  }

  // Where output 0 may lie over an input, launches the node that way on copies and returns the bytes, to be
  // compared with those of the ordinary launch, which comes afterwards.
  std::vector<HostTensor> launch_in_place(const Op& op, const Step& step) {
    std::vector<HostTensor> results;
    for (size_t aliased = 0; aliased < step.inputs.size(); ++aliased) {
      if (!step.inputs[aliased].data || step.outputs.empty() || !op.may_alias_input(step.view, aliased) ||
          step.inputs[aliased].bytes() != step.outputs[0].bytes())
        continue;
      std::vector<std::unique_ptr<GuardedBytes>> copies;
      Step moved = step;
      for (size_t i = 0; i < step.inputs.size(); ++i) {
        if (!step.inputs[i].data || (i != aliased && !op.mutates(step.view, i))) continue;
        copies.push_back(std::make_unique<GuardedBytes>(*device_, step.inputs[i].bytes()));
        const HostTensor content = bytes_of(step.inputs[i]);
        moved.inputs[i].data = copies.back()->data();
        device_->copy_in(moved.inputs[i].data, content.data(), content.bytes());
      }
      moved.outputs[0].data = moved.inputs[aliased].data;
      launch(moved);
      for (const auto& copy : copies) copy->check("an operand of " + case_.name);
      results.push_back(bytes_of(moved.outputs[0]));
    }
    return results;
  }

  const OpCase& case_;
  std::shared_ptr<Device> device_;
  Graph graph_;
  std::vector<std::unique_ptr<GuardedBytes>> memory_;
  std::vector<TensorView> views_;
};

}  // namespace

OpRun run_case(const OpCase& op_case, int threads) { return CaseRun(op_case, threads).run(); }

DType stored_type() {
  const char* name = std::getenv("ZOETROPE_TEST_DTYPE");
  if (!is_gpu_asked() || !name || std::string_view(name) == "f32") return DType::f32;
  if (std::string_view(name) == "bf16") return DType::bf16;
  if (std::string_view(name) == "f16") return DType::f16;
  throw UsageError(std::string("ZOETROPE_TEST_DTYPE is f32, bf16 or f16, not ") + name);
}

double storage_rounding() {
  const DType type = stored_type();
  return type == DType::bf16 ? 0x1p-8 : type == DType::f16 ? 0x1p-11 : 0;
}

float as_stored(float value) {
  round_to(stored_type(), &value, 1);
  return value;
}

double relative_error(const HostTensor& a, const HostTensor& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.f32().size(); ++i) {
    const double x = a.f32()[i], y = b.f32()[i];
    if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<double>::infinity();
    difference += (x - y) * (x - y);
    norm += y * y;
  }
  if (norm == 0) return difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(difference / norm);
}

double float32_tolerance(int64_t reduction_length) {
  return 4.0 * std::sqrt(static_cast<double>(std::max<int64_t>(reduction_length, 1))) * 5.97e-8 +
         storage_rounding();
}

}  // namespace zoetrope
