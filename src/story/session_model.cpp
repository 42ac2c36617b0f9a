#include "story/session_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace zoetrope {

namespace {

std::vector<Graph> graphs_of(const LanguageModel& model, int64_t context) {
  std::vector<Graph> graphs;
  for (int64_t tokens : {int64_t{1}, std::min(SessionModel::kChunk, context)})
    graphs.push_back(model.step({.batch = 1, .tokens = tokens, .capacity = context, .last_only = true}));
  return graphs;
}

int64_t checked_context(const LanguageModel& model, int64_t context) {
  if (context < 1) throw InternalError("a language model needs a context");
  return std::min(context, model.context_length());
}

}  // namespace

SessionModel::SessionModel(const LanguageModel& model, const ParameterSource& weights, Device& device,
                           int64_t context, SessionOptions options)
    : vocabulary_(model.vocabulary_size()),
      context_(checked_context(model, context)),
      session_(device, weights, graphs_of(model, context_), std::move(options)) {}

void SessionModel::step(size_t graph, std::span<const int32_t> ids) {
  const auto count = static_cast<int64_t>(ids.size());
  if (used_ + count > context_)
    throw InternalError(fmt::format("the language model's context of {} tokens is full", context_));
  HostTensor tokens(DType::i32, {1, count}), position(DType::i32, {1}), positions(DType::i32, {1, count});
  std::copy(ids.begin(), ids.end(), tokens.i32().begin());
  position.i32()[0] = static_cast<int32_t>(used_);
  std::iota(positions.i32().begin(), positions.i32().end(), static_cast<int32_t>(used_));
  TensorMap outputs = session_.run(
      graph, {{"input_ids", tokens.view()}, {"position", position.view()}, {"positions", positions.view()}});
  logits_ = std::move(outputs.at("logits"));
  used_ += count;
}

std::span<const float> SessionModel::prefill(std::span<const int32_t> ids) {
  if (ids.empty()) throw InternalError("an empty prompt");
  used_ = 0;  // what the cache holds beyond the position is never read
  const auto chunk = static_cast<size_t>(std::min(kChunk, context_));
  while (ids.size() >= chunk) {
    step(1, ids.first(chunk));
    ids = ids.subspan(chunk);
  }
  for (size_t i = 0; i < ids.size(); ++i) step(0, ids.subspan(i, 1));
  return logits_.f32();
}

std::span<const float> SessionModel::decode(int32_t id) {
  step(0, std::span<const int32_t>(&id, 1));
  return logits_.f32();
}

}  // namespace zoetrope
