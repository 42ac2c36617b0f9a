// Real models at small sizes for the tests of the runtime: a session with inputs for each of its graphs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpu/cpu_device.h"
#include "pipeline/component.h"

namespace zoetrope {

// Numbers between -1 and 1 that depend on `seed` alone; indices 0, 1, 2, ... where the input holds integers.
inline HostTensor test_values(DType dtype, const Shape& shape, uint32_t seed) {
  HostTensor out(dtype, shape);
  uint32_t state = seed * 2654435761u + 12345u;
  for (int64_t i = 0; i < shape.elements(); ++i) {
    state = state * 1664525u + 1013904223u;
    if (dtype == DType::f32)
      out.f32()[static_cast<size_t>(i)] = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
    else
      out.i32()[static_cast<size_t>(i)] = static_cast<int32_t>(i);
  }
  return out;
}

// Inputs and outputs of one graph, in memory of their own.
struct GraphBuffers {
  TensorMap inputs, outputs;
  InputMap input_views;
  OutputMap output_views;

  GraphBuffers(const Graph& graph, uint32_t seed) {
    for (ValueId id : graph.all(ValueKind::input)) {
      const Value& value = graph.value(id);
      inputs.emplace(value.name, test_values(value.type.dtype, value.type.shape, seed++));
    }
    for (const auto& [name, id] : graph.outputs())
      outputs.emplace(name, HostTensor(graph.value(id).type.dtype, graph.value(id).type.shape));
    for (auto& [name, tensor] : inputs) input_views[name] = tensor.view();
    for (auto& [name, tensor] : outputs) output_views[name] = tensor.view();
  }
  std::string bytes() const {
    std::string all;
    for (const auto& [name, tensor] : outputs)
      all.append(static_cast<const char*>(tensor.data()), tensor.bytes());
    return all;
  }
};

// The smallest budget that the message of a refusal names.
inline int64_t smallest_budget(Device& device, const ParameterSource& source, std::vector<Graph> graphs,
                               SessionOptions options = {}) {
  options.budget_bytes = 1;
  try {
    Session(device, source, std::move(graphs), std::move(options));
  } catch (const FitError& error) {
    const std::string message = error.what();
    return std::stoll(message.substr(message.find("--budget ") + 9));
  }
  ADD_FAILURE() << "one byte was enough";
  return 0;
}

// Folders, from the project's own. The shipped models are large enough for their weights to be streamed.
inline const std::vector<std::string>& golden_models() {
  static const std::vector<std::string> folders = {"models/llama/goldens/gqa_head_dim_llama3_v5",
                                                   "models/llama/goldens/gqa_tied_llama3_v4_bf16",
                                                   "models/umt5/goldens/masks",
                                                   "models/wan/goldens/t2v",
                                                   "models/wan/goldens/t2v_head20_bf16",
                                                   "models/wan_vae/goldens/wan21_decode_f9",
                                                   "models/wan_vae/goldens/wan22_decode_f9"};
  return folders;
}
inline const std::vector<std::string>& shipped_models() {
  static const std::vector<std::string> folders = {"assets/demo/writer", "assets/demo/video/text_encoder",
                                                   "assets/demo/video/transformer", "assets/demo/video/vae"};
  return folders;
}
inline fs::path source_folder(const std::string& folder) { return fs::path(ZT_SOURCE_DIR) / folder; }
// "models/wan/goldens/t2v" -> "wan_goldens_t2v"
inline std::string test_name(const std::string& folder) {
  std::string name = folder.substr(folder.find('/') + 1);
  for (char& letter : name)
    if (letter == '/') letter = '_';
  return name;
}

inline std::vector<Graph> one_graph(Graph graph) {
  std::vector<Graph> graphs;
  graphs.push_back(std::move(graph));
  return graphs;
}

// What a model of this role runs: a prompt in one go and a token after it; the first and every other chunk.
inline std::vector<Graph> test_graphs(const Component& component) {
  std::vector<Graph> graphs;
  const Model& model = component.model();
  if (const auto* language = dynamic_cast<const LanguageModel*>(&model)) {
    graphs.push_back(language->step({.tokens = 7, .capacity = 24}));
    graphs.push_back(language->step({.tokens = 1, .capacity = 24, .last_only = true}));
  } else if (const auto* text = dynamic_cast<const TextEncoderModel*>(&model)) {
    graphs.push_back(text->encode(1, 9));
  } else if (const auto* denoiser = dynamic_cast<const DenoiserModel*>(&model)) {
    const DenoiserTraits traits = denoiser->traits();
    graphs.push_back(denoiser->forward({.frames = 3 * traits.patch_t,
                                        .height = 3 * traits.patch_h,
                                        .width = 4 * traits.patch_w,
                                        .text_length = 11}));
  } else if (const auto* pictures = dynamic_cast<const AutoencoderModel*>(&model)) {
    for (bool first : {true, false})
      graphs.push_back(pictures->decode_chunk({.height = 2, .width = 3, .first = first}));
  }
  return graphs;
}

}  // namespace zoetrope
