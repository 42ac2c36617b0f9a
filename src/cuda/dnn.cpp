#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include "cuda/dnn.h"

#include <cudnn_frontend.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cuda/error.h"

namespace zoetrope::cuda {
namespace {

namespace fe = cudnn_frontend;
using Extents = std::vector<int64_t>;
using GraphTensor = std::shared_ptr<fe::graph::Tensor_attributes>;

void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw DeviceError(std::string(call) + ": " + cudnnGetErrorString(status), "cuDNN",
                      "start again: finished stages are kept");
}

// The handle and the plans of this process, made when they are first asked for. What is left of them at its
// end stays: the library may be gone by then.
struct Library {
  std::mutex mutex;
  cudnnHandle_t handle = nullptr;
  std::map<std::string, std::shared_ptr<const DnnPlan>> plans;  // null: cuDNN has none
};

Library& library() {
  static Library* const one = new Library;
  return *one;
}

class Plan final : public DnnPlan {
 public:
  Plan(cudnnHandle_t handle, std::shared_ptr<fe::graph::Graph> graph)
      : handle_(handle), graph_(std::move(graph)) {}
  void run(cudaStream_t stream, std::span<void* const> operands, void* workspace) const override {
    check(cudnnSetStream(handle_, stream), "cudnnSetStream");
    // By their numbers, which are given in the operands' order.
    fe::error_t status = graph_->execute(handle_, const_cast<void**>(operands.data()),
                                         static_cast<int>(operands.size()), workspace);
    if (status.is_bad())
      throw DeviceError("cuDNN: " + status.get_message(), "cuDNN", "start again: finished stages are kept");
  }

 private:
  cudnnHandle_t handle_;
  std::shared_ptr<fe::graph::Graph> graph_;
};

fe::DataType_t library_type(DType type) {
  return type == DType::bf16  ? fe::DataType_t::BFLOAT16
         : type == DType::f16 ? fe::DataType_t::HALF
                              : fe::DataType_t::FLOAT;
}

// Describes the operands of one graph, numbered as they are made.
class Builder {
 public:
  explicit Builder(DType type) : type_(type), graph_(std::make_shared<fe::graph::Graph>()) {
    graph_->set_io_data_type(library_type(type))
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
  }
  fe::graph::Graph& graph() { return *graph_; }
  GraphTensor input(const Extents& extents, const Extents& strides) { return input(extents, strides, type_); }
  GraphTensor input(const Extents& extents, const Extents& strides, DType type) {
    return graph_->tensor(
        fe::graph::Tensor_attributes().set_uid(++last_).set_dim(extents).set_stride(strides).set_data_type(
            library_type(type)));
  }
  void output(const GraphTensor& tensor, const Extents& extents, const Extents& strides) {
    tensor->set_output(true).set_uid(++last_).set_dim(extents).set_stride(strides).set_data_type(
        library_type(type_));
  }

  // The heuristic's first algorithm that repeats its bytes and rounds nothing that it need not. Null, and
  // why, where there is none.
  std::shared_ptr<const DnnPlan> build(cudnnHandle_t handle, std::string& why) {
    using Note = fe::NumericalNote_t;
    auto good = [&](fe::error_t status) {
      if (status.is_bad()) why = status.get_message();
      return status.is_good();
    };
    if (!good(graph_->validate()) || !good(graph_->build_operation_graph(handle)) ||
        !good(graph_->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK})))
      return nullptr;
    graph_->deselect_workspace_greater_than(static_cast<int64_t>(kDnnWorkspace));
    graph_->deselect_numeric_notes({Note::NONDETERMINISTIC, Note::REDUCED_PRECISION_REDUCTION,
                                    Note::DOWN_CONVERT_INPUTS, Note::FFT, Note::WINOGRAD});
    if (!good(graph_->check_support()) ||
        !good(graph_->build_plans(fe::BuildPlanPolicy_t::HEURISTICS_CHOICE)))
      return nullptr;
    std::string name;
    if (graph_->get_plan_name(name).is_good()) log_debug("cuDNN takes {}", name);
    return std::make_shared<Plan>(handle, graph_);
  }

 private:
  DType type_;
  int64_t last_ = 0;
  std::shared_ptr<fe::graph::Graph> graph_;
};

// The plan under `key`, which `describe` describes where it is new.
template <class Describe>
std::shared_ptr<const DnnPlan> find_or_build(const std::string& key, DType type, const Describe& describe,
                                             std::string& why) {
  Library& all = library();
  const std::lock_guard lock(all.mutex);
  const auto known = all.plans.find(key);
  if (known != all.plans.end()) return known->second;
  if (!all.handle) check(cudnnCreate(&all.handle), "cudnnCreate");
  Builder builder(type);
  describe(builder);
  auto plan = builder.build(all.handle, why);
  return all.plans[key] = plan;
}

// Extents and strides of (B, L, H, D) in the order (B, H, L, D).
Extents heads_extents(int64_t batch, int64_t length, int64_t heads, int64_t depth) {
  return {batch, heads, length, depth};
}
Extents heads_strides(int64_t length, int64_t heads, int64_t depth) {
  return {length * heads * depth, depth, heads * depth, 1};
}

// (B, C, space) that lies channels last.
struct ChannelsLast {
  ChannelsLast(int64_t batch, int64_t channels, const std::array<int64_t, 3>& space, bool deep) {
    const std::array<int64_t, 3> steps{space[1] * space[2] * channels, space[2] * channels, channels};
    extents = {batch, channels};
    strides = {space[0] * steps[0], 1};
    for (size_t axis = deep ? 0 : 1; axis < 3; ++axis) {
      extents.push_back(space[axis]);
      strides.push_back(steps[axis]);
    }
  }
  Extents extents, strides;
};

Extents axes(const std::array<int64_t, 3>& values, bool deep) {
  return {values.begin() + (deep ? 0 : 1), values.end()};
}

void describe_convolution(const DnnConvolution& s, Builder& builder) {
  const ChannelsLast in(s.batch, s.channels, s.in, s.deep), out(s.batch, s.out_channels, s.out, s.deep),
      kernel(s.out_channels, s.channels, s.kernel, s.deep), bias(1, s.out_channels, {1, 1, 1}, s.deep);
  const GraphTensor x = builder.input(in.extents, in.strides),
                    weight = builder.input(kernel.extents, kernel.strides);
  GraphTensor y = builder.graph().conv_fprop(x, weight,
                                             fe::graph::Conv_fprop_attributes()
                                                 .set_pre_padding(axes(s.before, s.deep))
                                                 .set_post_padding(axes(s.after, s.deep))
                                                 .set_stride(axes(s.stride, s.deep))
                                                 .set_dilation(Extents(s.deep ? 3 : 2, 1)));
  auto add = [&](const GraphTensor& term) {
    y->set_dim(out.extents).set_stride(out.strides);
    y = builder.graph().pointwise(y, term,
                                  fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::ADD));
  };
  if (s.bias) add(builder.input(bias.extents, bias.strides, DType::f32));
  if (s.residual) add(builder.input(out.extents, out.strides));
  builder.output(y, out.extents, out.strides);
}

std::string text(const std::array<int64_t, 3>& values) {
  return fmt::format("{}x{}x{}", values[0], values[1], values[2]);
}

}  // namespace

std::shared_ptr<const DnnPlan> dnn_attention(const DnnAttention& s) {
  const std::string key = fmt::format("attention {}x{}x{} heads {}/{} depth {}/{} {} scale {}{}", s.batch,
                                      s.rows, s.keys, s.heads, s.key_heads, s.depth, s.value_depth,
                                      name_of(s.type), s.scale, s.causal ? " causal" : "");
  std::string why;
  auto plan = find_or_build(
      key, s.type,
      [&](Builder& builder) {
        const GraphTensor q = builder.input(heads_extents(s.batch, s.rows, s.heads, s.depth),
                                            heads_strides(s.rows, s.heads, s.depth)),
                          k = builder.input(heads_extents(s.batch, s.keys, s.key_heads, s.depth),
                                            heads_strides(s.keys, s.key_heads, s.depth)),
                          v = builder.input(heads_extents(s.batch, s.keys, s.key_heads, s.value_depth),
                                            heads_strides(s.keys, s.key_heads, s.value_depth));
        auto options = fe::graph::SDPA_attributes().set_generate_stats(false).set_attn_scale(s.scale);
        if (s.causal)
          options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
        builder.output(builder.graph().sdpa(q, k, v, options)[0],
                       heads_extents(s.batch, s.rows, s.heads, s.value_depth),
                       heads_strides(s.rows, s.heads, s.value_depth));
      },
      why);
  if (!plan)
    throw DeviceError(fmt::format("cuDNN {} has no plan for {}: {}", cudnnGetVersion(), key, why), "cuDNN",
                      "take --kernels portable, or the release of cuDNN that the README names");
  return plan;
}

std::shared_ptr<const DnnPlan> dnn_convolution(const DnnConvolution& s) {
  const std::string key = fmt::format(
      "convolution {} {}->{} channels {}->{} kernel {} stride {} pad {},{} {}{}{}{}", s.batch, text(s.in),
      text(s.out), s.channels, s.out_channels, text(s.kernel), text(s.stride), text(s.before), text(s.after),
      name_of(s.type), s.deep ? " deep" : "", s.bias ? " bias" : "", s.residual ? " residual" : "");
  std::string why;
  auto plan = find_or_build(
      key, s.type, [&](Builder& builder) { describe_convolution(s, builder); }, why);
  if (!plan && !why.empty()) log_debug("cuDNN has no plan for {}: {}", key, why);
  if (!plan && !why.empty() && !s.bias && !s.residual)
    log_warning("cuDNN has no plan for {}: a kernel of our own runs it, slowly", key);
  return plan;
}

void close_dnn() {
  Library& all = library();
  const std::lock_guard lock(all.mutex);
  all.plans.clear();
  if (all.handle) cudnnDestroy(all.handle);
  all.handle = nullptr;
}

}  // namespace zoetrope::cuda
