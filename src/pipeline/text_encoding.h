// Prompts to the embeddings that a video model reads.
#pragma once

#include <string>

#include "pipeline/video_model.h"

namespace zoetrope {

// Tokens that a prompt is cut to, and rows that its embeddings are padded to with zeros.
inline constexpr int64_t kTextTokens = 512;

// The ids of a prompt, cleaned as diffusers does it, cut to kTextTokens with the end token kept. int32 (1,
// L), L >= 1. Throws InputError where an id lies outside the text encoder's vocabulary.
HostTensor prompt_ids(const VideoModel& model, const std::string& prompt);

// One graph for prompts of one length.
class TextEncoding {
 public:
  TextEncoding(const VideoModel& model, Device& device, const SessionOptions& options, int64_t length);
  // ids (1, length) -> (1, kTextTokens, W), rows past the length are zero.
  HostTensor run(const HostTensor& ids);
  Session& session() { return session_; }

 private:
  Session session_;
};

}  // namespace zoetrope
