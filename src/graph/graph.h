// A model at fixed shapes: values and the nodes that make them, in the order in which they run.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/tensor.h"
#include "graph/op.h"

namespace zoetrope {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;

enum class ValueKind : uint8_t {
  input,      // given anew for every run
  parameter,  // a weight, bound by name
  constant,   // a table that the graph brings with it
  state,      // kept between runs, shared by name between the graphs of a model, changed in place
  result,     // made by a node
};

struct Value {
  std::string name;
  ValueKind kind = ValueKind::result;
  ValueType type;
  NodeId producer = -1;
  bool is_output = false;
  // A float32 island: stays in float32 whatever precision the run asks for.
  bool keep_f32 = false;
  // On a device that computes in float32: the type to which the value is rounded after each write (f32: not
  // at all).
  DType rounding = DType::f32;
  std::shared_ptr<const HostTensor> constant;  // kind constant only
};

struct Node {
  const Op* op = nullptr;
  std::shared_ptr<const Attributes> attributes;
  std::vector<ValueId> inputs;  // kNoValue where an optional input is absent
  std::vector<ValueId> outputs;
  std::string scope;  // "blocks.3.self_attn": where in the model, for --explain and errors
};

// A graph that can't be: shapes that do not go together. The message names op, scope and shapes.
struct GraphError : Error {
  explicit GraphError(std::string_view what, std::string_view where = {})
      : Error(ErrorKind::input, what, where) {}
};

class Graph;

// A handle to a value, for building. Null where an optional operand is absent.
class Tensor {
 public:
  Tensor() = default;
  Tensor(Graph* graph, ValueId id) : graph_(graph), id_(id) {}
  explicit operator bool() const { return graph_ != nullptr; }
  ValueId id() const { return graph_ ? id_ : kNoValue; }
  Graph& graph() const { return *graph_; }
  Shape shape() const;  // by value: adding a node moves the values
  int64_t dim(int axis) const { return shape()[axis]; }

 private:
  Graph* graph_ = nullptr;
  ValueId id_ = kNoValue;
};

class Graph {
 public:
  explicit Graph(std::string name = {}) : name_(std::move(name)) {}
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  Graph(const Graph&) = delete;

  const std::string& name() const { return name_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }

  // Building. Names of inputs, parameters and states are unique within their kind: asking again for a
  // parameter or a state of the same shape gives the same value; for another shape it is a GraphError.
  Tensor input(std::string name, DType dtype, const Shape& shape);
  Tensor parameter(const std::string& name, const Shape& shape);
  Tensor state(const std::string& name, DType dtype, const Shape& shape);
  Tensor constant(std::string name, HostTensor value);
  void output(std::string name, Tensor value);  // names a result and keeps it to the end of the run
  // Adds a node after checking it with the op's shape rule; returns its outputs.
  std::vector<Tensor> add(const Op& op, const std::vector<Tensor>& inputs,
                          std::shared_ptr<const Attributes> attributes = nullptr);
  Tensor add1(const Op& op, const std::vector<Tensor>& inputs,
              std::shared_ptr<const Attributes> attributes = nullptr) {
    return add(op, inputs, std::move(attributes)).front();
  }

  ValueId find(ValueKind kind, std::string_view name) const;  // kNoValue if there is none
  ValueId find_output(std::string_view name) const;
  std::vector<ValueId> all(ValueKind kind) const;
  std::vector<std::pair<std::string, ValueId>> outputs() const { return outputs_; }

  NodeView view(const Node& node) const;
  Cost cost() const;         // sum over the nodes
  std::string dump() const;  // one line a value and a node

  // Passes rewrite the node list as a whole; values that nothing refers to any more are harmless.
  void replace_nodes(std::vector<Node> nodes) { nodes_ = std::move(nodes); }
  void replace_output(ValueId from, ValueId to);
  ValueId add_result(ValueType type, std::string name);

 private:
  friend class Scope;
  friend class Float32Island;
  Tensor add_value(Value value);
  std::string scope_text() const;

  std::string name_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<std::pair<std::string, ValueId>> outputs_;
  std::map<std::pair<ValueKind, std::string>, ValueId> by_name_;
  std::vector<std::string> scopes_;
  int islands_ = 0;
};

// Names the part of the model that is being built, for as long as it lives.
class Scope {
 public:
  Scope(Graph& graph, std::string name) : graph_(graph) { graph_.scopes_.push_back(std::move(name)); }
  ~Scope() { graph_.scopes_.pop_back(); }
  Scope(const Scope&) = delete;

 private:
  Graph& graph_;
};

// What is built while it lives stays in float32.
class Float32Island {
 public:
  explicit Float32Island(Graph& graph) : graph_(graph) { ++graph_.islands_; }
  ~Float32Island() { --graph_.islands_; }
  Float32Island(const Float32Island&) = delete;

 private:
  Graph& graph_;
};

// Throws InternalError where a graph breaks its own rules: a value read before it is made, made twice, an op
// whose types no longer fit, a change of something that is no state. Run by the pass gate after every pass.
void verify(const Graph& graph);

}  // namespace zoetrope
