#include "graph/graph.h"

#include <fmt/format.h>

namespace zoetrope {

double operand_bytes(const NodeView& node) {
  double bytes = 0;
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const ValueType* type : *list)
      if (type)
        bytes += static_cast<double>(type->shape.elements()) * static_cast<double>(size_of(type->dtype));
  return bytes;
}

Cost Op::cost(const NodeView& node) const { return {0, operand_bytes(node)}; }

Shape Tensor::shape() const { return graph_->value(id_).type.shape; }

std::string Graph::scope_text() const {
  std::string text;
  for (const std::string& scope : scopes_) text += (text.empty() ? "" : ".") + scope;
  return text;
}

Tensor Graph::add_value(Value value) {
  const auto id = static_cast<ValueId>(values_.size());
  if (value.kind != ValueKind::result) {
    const auto key = std::make_pair(value.kind, value.name);
    if (const auto it = by_name_.find(key); it != by_name_.end()) {
      const ValueType& known = this->value(it->second).type;
      const bool shared = value.kind == ValueKind::parameter || value.kind == ValueKind::state;
      if (!shared || !(known.shape == value.type.shape) || known.dtype != value.type.dtype)
        throw GraphError(fmt::format("'{}' is declared as {} and as {}", value.name, known.shape.text(),
                                     value.type.shape.text()),
                         name_);
      return {this, it->second};
    }
    by_name_.emplace(key, id);
  }
  values_.push_back(std::move(value));
  return {this, id};
}

Tensor Graph::input(std::string name, DType dtype, const Shape& shape) {
  return add_value(
      {.name = std::move(name), .kind = ValueKind::input, .type = {dtype, shape}, .keep_f32 = islands_ > 0});
}

Tensor Graph::parameter(const std::string& name, const Shape& shape) {
  return add_value(
      {.name = name, .kind = ValueKind::parameter, .type = {DType::f32, shape}, .keep_f32 = islands_ > 0});
}

Tensor Graph::state(const std::string& name, DType dtype, const Shape& shape) {
  return add_value({.name = name, .kind = ValueKind::state, .type = {dtype, shape}});
}

Tensor Graph::constant(std::string name, HostTensor value) {
  const ValueType type{value.dtype(), value.shape()};
  return add_value({.name = std::move(name),
                    .kind = ValueKind::constant,
                    .type = type,
                    .keep_f32 = true,
                    .constant = std::make_shared<const HostTensor>(std::move(value))});
}

void Graph::output(std::string name, Tensor value) {
  this->value(value.id()).is_output = true;
  outputs_.emplace_back(std::move(name), value.id());
}

std::vector<Tensor> Graph::add(const Op& op, const std::vector<Tensor>& inputs,
                               std::shared_ptr<const Attributes> attributes) {
  Node node{.op = &op, .attributes = std::move(attributes), .scope = scope_text()};
  for (const Tensor& input : inputs) node.inputs.push_back(input.id());
  std::vector<ValueType> types;
  try {
    types = op.infer(view(node));
    // Rules change extents one by one: the whole is held to a tensor's limits here.
    for (const ValueType& type : types) (void)Shape(std::span(type.shape.begin(), type.shape.end()));
  } catch (const Error& problem) {
    std::string shapes;
    for (const Tensor& input : inputs)
      shapes += (shapes.empty() ? "" : ", ") + (input ? input.shape().text() : "-");
    throw GraphError(fmt::format("{}, given {}", problem.what(), shapes),
                     fmt::format("{}{}{} [{}]", name_, node.scope.empty() ? "" : ".", node.scope, op.name()));
  }
  std::vector<Tensor> outputs;
  const auto node_id = static_cast<NodeId>(nodes_.size());
  for (const ValueType& type : types) {
    Tensor out = add_value({.name = fmt::format("{}#{}", op.name(), values_.size()),
                            .type = type,
                            .producer = node_id,
                            .keep_f32 = islands_ > 0});
    node.outputs.push_back(out.id());
    outputs.push_back(out);
  }
  nodes_.push_back(std::move(node));
  return outputs;
}

ValueId Graph::add_result(ValueType type, std::string name) {
  return add_value({.name = std::move(name), .type = type}).id();
}

ValueId Graph::find(ValueKind kind, std::string_view name) const {
  const auto it = by_name_.find({kind, std::string(name)});
  return it == by_name_.end() ? kNoValue : it->second;
}

ValueId Graph::find_output(std::string_view name) const {
  for (const auto& [known, id] : outputs_)
    if (known == name) return id;
  return kNoValue;
}

std::vector<ValueId> Graph::all(ValueKind kind) const {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < values_.size(); ++i)
    if (values_[i].kind == kind) ids.push_back(static_cast<ValueId>(i));
  return ids;
}

void Graph::replace_output(ValueId from, ValueId to) {
  for (auto& [name, id] : outputs_)
    if (id == from) {
      id = to;
      value(to).is_output = true;
      value(from).is_output = false;
    }
}

NodeView Graph::view(const Node& node) const {
  NodeView view;
  view.attributes = node.attributes.get();
  for (ValueId id : node.inputs) view.inputs.push_back(id == kNoValue ? nullptr : &value(id).type);
  for (ValueId id : node.outputs) view.outputs.push_back(&value(id).type);
  return view;
}

Cost Graph::cost() const {
  Cost sum;
  for (const Node& node : nodes_) {
    const NodeView seen = view(node);
    if (node.op->view_offset(seen)) continue;
    const Cost one = node.op->cost(seen);
    sum.flops += one.flops;
    sum.bytes += one.bytes;
  }
  return sum;
}

std::string Graph::dump() const {
  auto operand = [&](ValueId id) {
    if (id == kNoValue) return std::string("-");
    const Value& v = value(id);
    return fmt::format("{}{}{}", v.name, v.type.shape.text(), v.keep_f32 ? "!" : "");
  };
  std::string text = "graph " + name_ + "\n";
  for (const Node& node : nodes_) {
    std::string line = "  ";
    for (ValueId id : node.outputs) line += operand(id) + " ";
    line += fmt::format("= {}(", node.op->name());
    for (size_t i = 0; i < node.inputs.size(); ++i) line += (i ? ", " : "") + operand(node.inputs[i]);
    line += ")";
    if (node.attributes && !node.attributes->text().empty()) line += " {" + node.attributes->text() + "}";
    if (!node.scope.empty()) line += "  @" + node.scope;
    text += line + "\n";
  }
  for (const auto& [name, id] : outputs_) text += fmt::format("  output {} = {}\n", name, operand(id));
  return text;
}

void verify(const Graph& graph) {
  std::vector<bool> made(graph.values().size());
  for (size_t i = 0; i < made.size(); ++i) made[i] = graph.values()[i].kind != ValueKind::result;
  for (const Node& node : graph.nodes()) {
    auto broken = [&](const std::string& what) {
      throw InternalError(
          fmt::format("graph {}: {} at {} [{}]", graph.name(), what, node.scope, node.op->name()));
    };
    const NodeView seen = graph.view(node);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      const auto id = static_cast<size_t>(node.inputs[i]);
      if (!made[id]) broken("'" + graph.values()[id].name + "' is read before it is made");
      if (node.op->mutates(seen, i) && graph.values()[id].kind != ValueKind::state)
        broken("'" + graph.values()[id].name + "' is changed, but is no state");
    }
    const std::vector<ValueType> types = node.op->infer(seen);
    if (types.size() != node.outputs.size()) broken("wrong number of outputs");
    for (size_t i = 0; i < types.size(); ++i) {
      const auto id = static_cast<size_t>(node.outputs[i]);
      if (made[id]) broken("'" + graph.values()[id].name + "' is made twice");
      if (!(types[i].shape == graph.values()[id].type.shape)) broken("the shape of an output no longer fits");
      made[id] = true;
    }
  }
  for (const auto& [name, id] : graph.outputs())
    if (!made[static_cast<size_t>(id)])
      throw InternalError("graph " + graph.name() + ": output '" + name + "' is never made");
}

}  // namespace zoetrope
