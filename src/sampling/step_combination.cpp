#include "sampling/step_combination.h"

#include "base/error.h"

namespace zoetrope {

std::vector<float> StepCombination::matrix() const {
  const size_t columns = next_sample.size(), rows = columns - 1;
  std::vector<float> out(rows * columns);
  for (size_t k = 0; k < columns; ++k) out[k] = static_cast<float>(next_sample[k]);
  for (size_t row = 1; row < rows; ++row) out[row * columns + row + 1] = 1;
  for (const auto& [slot, weights] : writes)
    for (size_t k = 0; k < columns; ++k)
      out[(1 + static_cast<size_t>(slot)) * columns + k] = static_cast<float>(weights[k]);
  return out;
}

void apply(const StepCombination& step, std::span<const float> output, std::span<float> sample,
           std::vector<std::vector<float>>& history) {
  const auto slots = static_cast<size_t>(step.slots());
  history.resize(slots, std::vector<float>(sample.size()));
  if (output.size() != sample.size()) throw InternalError("apply: output and sample differ in size");
  std::vector<double> before(2 + slots);
  auto sum = [&](const StepCombination::Row& row) {
    double total = 0;
    for (size_t k = 0; k < row.size(); ++k) total += row[k] * before[k];
    return static_cast<float>(total);
  };
  for (size_t i = 0; i < sample.size(); ++i) {
    before[0] = sample[i];
    before[1] = output[i];
    for (size_t slot = 0; slot < slots; ++slot) before[2 + slot] = history[slot][i];
    sample[i] = sum(step.next_sample);
    for (const auto& [slot, row] : step.writes) history[static_cast<size_t>(slot)][i] = sum(row);
  }
}

}  // namespace zoetrope
