// One step of a sampler as numbers: what is multiplied by what. Samplers compute these on the host
// beforehand; one fused operation applies them to the latents wherever these are, so a whole run can stay on
// a device.
#pragma once

#include <span>
#include <utility>
#include <vector>

namespace zoetrope {

// The tensors of a step, all of the latents' shape, are numbered 0: the sample (what the model saw), 1: the
// model's output (already guided), 2 + s: history slot s. A row holds a weight for each of them and stands
// for their weighted sum.
struct StepCombination {
  using Row = std::vector<double>;  // (2 + slots)
  Row next_sample;
  // Slot and its new content. All rows of a step are over the values before the step. A slot that was never
  // written has the weight 0 in every row (but must hold finite numbers, zeros say).
  std::vector<std::pair<int, Row>> writes;

  int slots() const { return static_cast<int>(next_sample.size()) - 2; }
  // All rows as one matrix (1 + slots, 2 + slots) in float32: first the next sample, then every slot (those
  // that are not written keep their content).
  std::vector<float> matrix() const;
};

// The plain application, in double precision, rounded once: sample and history (slots, n) become those after
// the step. For tests and as the definition.
void apply(const StepCombination& step, std::span<const float> output, std::span<float> sample,
           std::vector<std::vector<float>>& history);

}  // namespace zoetrope
