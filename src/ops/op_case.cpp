#include "ops/op_case.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "cpu/cpu_device.h"

namespace zoetrope {
namespace {

constexpr size_t kGuard = 64;
constexpr uint8_t kPattern = 0xFF;  // as float32 it is NaN: what is read before it is written shows

// Bytes with guards on both sides; check() throws where a guard changed.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t bytes) : bytes_(bytes), storage_(bytes + 2 * kGuard + 64, kPattern) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data()) + kGuard;
    data_ = reinterpret_cast<uint8_t*>((address + 63) / 64 * 64);
  }
  uint8_t* data() { return data_; }
  void check(const std::string& what) const {
    for (size_t i = 1; i <= kGuard; ++i)
      if (data_[-static_cast<std::ptrdiff_t>(i)] != kPattern || data_[bytes_ + i - 1] != kPattern)
        throw InternalError("bytes outside " + what + " were changed");
  }
  bool last_untouched() const {
    size_t same = 0;
    while (same < std::min<size_t>(bytes_, 4) && data_[bytes_ - 1 - same] == kPattern) ++same;
    return bytes_ > 0 && same == std::min<size_t>(bytes_, 4);
  }
  bool untouched_run(size_t length) const {
    size_t run = 0;
    for (size_t i = 0; i < bytes_; ++i) {
      run = data_[i] == kPattern ? run + 1 : 0;
      if (run >= length) return true;
    }
    return false;
  }

 private:
  size_t bytes_;
  std::vector<uint8_t> storage_;
  uint8_t* data_;
};

HostTensor drawn(const Value& value) {
  HostTensor tensor(value.type.dtype, value.type.shape);
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(value.name)));
  std::normal_distribution<float> normal;
  if (value.type.dtype == DType::f32)
    for (float& x : tensor.f32()) x = normal(random);
  return tensor;
}

// One launch with its own workspace; what the contract says about the workspace is checked.
void launch_checked(const Kernel& kernel, const NodeView& view, const DeviceSpec& spec,
                    const std::vector<TensorView>& inputs, const std::vector<TensorView>& outputs,
                    const std::string& name) {
  GuardedBytes workspace(kernel.workspace(view, spec));
  kernel.prepare(view, spec)->launch({inputs, outputs, workspace.data()});
  workspace.check("the workspace of " + name);
  if (workspace.last_untouched())
    throw InternalError("the workspace of " + name + " is larger than what is used");
}

// Where output 0 may lie over an input, launches the node that way on copies and compares the bytes with
// those of the ordinary launch, which comes afterwards.
std::vector<HostTensor> launch_in_place(const Kernel& kernel, const Op& op, const NodeView& view,
                                        const DeviceSpec& spec, const std::vector<TensorView>& inputs,
                                        const std::vector<TensorView>& outputs, const std::string& name) {
  std::vector<HostTensor> results;
  for (size_t aliased = 0; aliased < inputs.size(); ++aliased) {
    if (!inputs[aliased].data || outputs.empty() || !op.may_alias_input(view, aliased)) continue;
    std::vector<std::unique_ptr<GuardedBytes>> copies;
    std::vector<TensorView> moved = inputs, results_of = outputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].data || (i != aliased && !op.mutates(view, i))) continue;
      copies.push_back(std::make_unique<GuardedBytes>(inputs[i].bytes()));
      std::memcpy(copies.back()->data(), inputs[i].data, inputs[i].bytes());
      moved[i].data = copies.back()->data();
    }
    results_of[0].data = moved[aliased].data;
    launch_checked(kernel, view, spec, moved, results_of, name);
    HostTensor result(outputs[0].dtype, outputs[0].shape);
    std::memcpy(result.data(), results_of[0].data, result.bytes());
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace

OpRun run_case(const OpCase& op_case, int threads) {
  const auto device = make_cpu_device(threads);
  Graph graph(op_case.name);
  op_case.build(graph);
  verify(graph);
  std::vector<std::unique_ptr<GuardedBytes>> memory(graph.values().size());
  std::vector<TensorView> views(graph.values().size());
  OpRun run;
  for (size_t i = 0; i < memory.size(); ++i) {
    Value& value = graph.value(static_cast<ValueId>(i));
    HostTensor content;
    if (value.kind == ValueKind::constant)
      content = *value.constant;
    else if (value.kind != ValueKind::result) {
      const auto given = op_case.inputs.find(value.name);
      content = given != op_case.inputs.end() ? given->second : drawn(value);
      if (value.kind == ValueKind::parameter && op_case.parameter_type != DType::f32) {
        HostTensor narrow(op_case.parameter_type, content.shape());
        narrow_from_f32(op_case.parameter_type, content.f32().data(), narrow.data(),
                        static_cast<size_t>(content.elements()));
        content = std::move(narrow);
        value.type.dtype = op_case.parameter_type;
      }
      run.inputs[value.name] = is_floating(content.dtype()) ? content.to_f32() : content;
    }
    const size_t bytes = static_cast<size_t>(value.type.shape.elements()) * size_of(value.type.dtype);
    memory[i] = std::make_unique<GuardedBytes>(bytes);
    if (value.kind != ValueKind::result) std::memcpy(memory[i]->data(), content.data(), bytes);
    views[i] = {memory[i]->data(), value.type.dtype, value.type.shape};
  }
  for (const Node& node : graph.nodes()) {
    const NodeView view = graph.view(node);
    if (const auto offset = node.op->view_offset(view)) {
      views[static_cast<size_t>(node.outputs[0])].data =
          views[static_cast<size_t>(node.inputs[0])].as<char>() + *offset;
      continue;
    }
    const Kernel* kernel = find_kernel(DeviceKind::cpu, *node.op, view);
    if (!kernel) throw InternalError("no CPU kernel supports " + std::string(node.op->name()));
    std::vector<TensorView> inputs, outputs;
    std::vector<std::unique_ptr<GuardedBytes>> packed;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      inputs.push_back(node.inputs[i] == kNoValue ? TensorView{}
                                                  : views[static_cast<size_t>(node.inputs[i])]);
      const size_t bytes = node.inputs[i] == kNoValue ? 0 : kernel->packed_bytes(view, i, device->spec());
      if (bytes == 0) continue;
      const HostTensor wide = [&] {
        HostTensor plain(inputs.back().dtype, inputs.back().shape);
        std::memcpy(plain.data(), inputs.back().data, plain.bytes());
        return plain.to_f32();
      }();
      packed.push_back(std::make_unique<GuardedBytes>(bytes));
      kernel->pack(view, i, wide.f32().data(), packed.back()->data(), device->spec());
      packed.back()->check("a packed parameter of " + op_case.name);
      inputs.back().data = packed.back()->data();
    }
    for (ValueId id : node.outputs) outputs.push_back(views[static_cast<size_t>(id)]);
    const auto in_place =
        launch_in_place(*kernel, *node.op, view, device->spec(), inputs, outputs, op_case.name);
    launch_checked(*kernel, view, device->spec(), inputs, outputs, op_case.name);
    for (const HostTensor& result : in_place)
      if (std::memcmp(result.data(), outputs[0].data, result.bytes()) != 0)
        throw InternalError(op_case.name + " gives other bytes when it is written over an input");
    for (ValueId id : node.outputs) {
      memory[static_cast<size_t>(id)]->check("an output of " + op_case.name);
      if (memory[static_cast<size_t>(id)]->untouched_run(8))
        throw InternalError("an output of " + op_case.name + " was not written throughout");
    }
  }
  auto take = [&](ValueId id) {
    HostTensor tensor(graph.value(id).type.dtype, graph.value(id).type.shape);
    std::memcpy(tensor.data(), views[static_cast<size_t>(id)].data, tensor.bytes());
    return tensor;
  };
  for (const auto& [name, id] : graph.outputs()) run.outputs[name] = take(id);
  for (ValueId id : graph.all(ValueKind::state)) run.states[graph.value(id).name] = take(id);
  return run;
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
  return 4.0 * std::sqrt(static_cast<double>(std::max<int64_t>(reduction_length, 1))) * 5.97e-8;
}

}  // namespace zoetrope
