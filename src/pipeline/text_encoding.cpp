#include "pipeline/text_encoding.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/prompt.h"

namespace zoetrope {
namespace {

std::vector<Graph> graphs_for(const VideoModel& model, int64_t length) {
  std::vector<Graph> graphs;
  graphs.push_back(model.text_encoder().text_encoder().encode(1, length));
  return graphs;
}

}  // namespace

HostTensor prompt_ids(const VideoModel& model, const std::string& prompt) {
  std::vector<int32_t> ids = model.tokenizer().encode(clean_prompt(prompt), true);
  if (static_cast<int64_t>(ids.size()) > kTextTokens) {
    ids[kTextTokens - 1] = ids.back();
    ids.resize(kTextTokens);
  }
  if (ids.empty())
    throw InputError("the tokenizer makes no token of the prompt", (model.folder() / "tokenizer").string());
  const int64_t vocabulary = model.text_encoder().text_encoder().vocabulary_size();
  HostTensor out(DType::i32, {1, static_cast<int64_t>(ids.size())});
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary)
      throw InputError(
          fmt::format("gives the token {}, but the text encoder's vocabulary has {}", ids[i], vocabulary),
          (model.folder() / "tokenizer").string(), "take tokenizer and text_encoder from the same model");
    out.i32()[i] = ids[i];
  }
  return out;
}

TextEncoding::TextEncoding(const VideoModel& model, Device& device, const SessionOptions& options,
                           int64_t length)
    : session_(device, model.text_encoder().binding(), graphs_for(model, length), options) {}

HostTensor TextEncoding::run(const HostTensor& ids) {
  HostTensor mask(DType::i32, ids.shape());
  std::fill(mask.i32().begin(), mask.i32().end(), 1);
  const TensorView view{const_cast<void*>(ids.data()), DType::i32, ids.shape()};
  const HostTensor hidden = std::move(
      session_.run(0, {{"input_ids", view}, {"attention_mask", mask.view()}}).at("last_hidden_state"));
  HostTensor padded(DType::f32, {1, kTextTokens, hidden.shape()[2]});
  std::copy(hidden.f32().begin(), hidden.f32().end(), padded.f32().begin());
  return padded;
}

}  // namespace zoetrope
