// One forward of one model, by which anyone checks us against the reference: tensors in and out under the
// reference's names.
#pragma once

#include <string>

#include "base/tensor.h"
#include "device/device.h"
#include "pipeline/component.h"

namespace zoetrope {

struct ForwardOptions {
  std::string part;     // an autoencoder's: "encode" or "decode"
  int64_t prefill = 0;  // a language model's first tokens at once, the rest one by one; 0: all at once
  DType precision = DType::f32;
  int64_t budget_bytes = INT64_MAX;
  bool explain = false;  // fills ForwardResult::explanation
};

struct ForwardResult {
  TensorMap outputs;  // float32
  SessionPlan plan;
  int64_t measured_peak_bytes = 0;
  std::string explanation;
};

// Inputs of any batch and length, used as given: nothing is padded. `where` names their file in errors.
// Inputs per role:
//   diffusion transformer: hidden_states (B, C, F, H, W), timestep (), (B) or (B, tokens),
//   encoder_hidden_states (B, T, W) -> sample text encoder: input_ids (B, L), attention_mask (B, L) or absent
//   -> last_hidden_state (B, L, D) language model: the same -> logits (B, L, V) autoencoder: sample ->
//   latent_mean and latent_logvar (encode), sample (decode)
ForwardResult run_forward(const Component& component, const TensorMap& inputs, const std::string& where,
                          Device& device, const ForwardOptions& options);

}  // namespace zoetrope
