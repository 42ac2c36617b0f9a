// A language model that runs in a session, as the writer speaks to it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/model.h"
#include "runtime/session.h"
#include "story/writer.h"

namespace zoetrope {

// Two graphs share the weights and the key-value cache: one reads kChunk tokens of a prompt at once, one
// reads a single token. So one plan serves prompts of every length.
class SessionModel final : public TokenModel {
 public:
  static constexpr int64_t kChunk = 32;

  // Room for `context` tokens, at most the model's own limit. Plans, loads nothing. Throws FitError where the
  // options' budget is too small. All three referents must outlive this.
  SessionModel(const LanguageModel& model, const ParameterSource& weights, Device& device, int64_t context,
               SessionOptions options = {});

  int64_t vocabulary_size() const override { return vocabulary_; }
  int64_t context_limit() const override { return context_; }
  std::span<const float> prefill(std::span<const int32_t> ids) override;
  std::span<const float> decode(int32_t id) override;

  const Session& session() const { return session_; }

 private:
  void step(size_t graph, std::span<const int32_t> ids);

  int64_t vocabulary_;
  int64_t context_;
  Session session_;
  int64_t used_ = 0;   // positions of the cache
  HostTensor logits_;  // (1, 1, V)
};

}  // namespace zoetrope
