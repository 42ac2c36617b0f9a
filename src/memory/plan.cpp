// Greedy placement under several orders, the best kept, then a bounded local search when it is above the
// lower bound. Placing a buffer: among those already placed that share a step with it, sorted by offset, take
// the lowest gap that fits (first fit keeps the arena dense; the orders differ in who goes first). Orders: by
// size, by length of life, by their product and by time. Sources of the idea: greedy-by-size of Pisarchyk and
// Lee, "Efficient Memory Management for Deep Neural Net Inference" (2020).
#include "memory/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>

#include "base/checked.h"
#include "base/error.h"

namespace zoetrope {
namespace {

struct Placement {
  std::vector<int64_t> offsets;
  int64_t peak = 0;
};

bool share_a_step(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// A placed buffer.
struct Placed {
  int64_t offset, end;  // end: the first aligned byte behind it
  int32_t first, last;
};

// Placed buffers by the stretches of time in which they live, so that a search for a gap meets few others.
class Timeline {
 public:
  explicit Timeline(std::span<const Lifetime> lifetimes) {
    int32_t last = 0;
    for (const Lifetime& life : lifetimes) last = std::max(last, life.last);
    stretches_.resize(static_cast<size_t>(last / kSteps) + 1);
  }

  void add(const Placed& placed) {
    for (size_t s = stretch(placed.first); s <= stretch(placed.last); ++s) stretches_[s].push_back(placed);
  }

  // Those that share a step with `life`, by offset.
  const std::vector<Placed>& beside(const Lifetime& life) {
    found_.clear();
    const size_t begin = stretch(life.first), end = stretch(life.last);
    for (size_t s = begin; s <= end; ++s)
      for (const Placed& other : stretches_[s]) {
        const bool seen = s != begin && stretch(other.first) < s;  // in the stretch before
        if (!seen && life.first <= other.last && other.first <= life.last) found_.push_back(other);
      }
    std::sort(found_.begin(), found_.end(),
              [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
    return found_;
  }

 private:
  static constexpr int32_t kSteps = 8;
  static size_t stretch(int32_t step) { return static_cast<size_t>(std::max(step, 0) / kSteps); }
  std::vector<std::vector<Placed>> stretches_;
  std::vector<Placed> found_;
};

Placement place(std::span<const Lifetime> lifetimes, std::span<const size_t> order, int64_t alignment) {
  Placement out{std::vector<int64_t>(lifetimes.size(), 0), 0};
  Timeline timeline(lifetimes);
  for (size_t index : order) {
    const Lifetime& life = lifetimes[index];
    if (life.bytes == 0) continue;
    int64_t candidate = 0;
    for (const Placed& other : timeline.beside(life)) {
      if (other.offset >= candidate + life.bytes) break;
      candidate = std::max(candidate, other.end);
    }
    out.offsets[index] = candidate;
    out.peak = std::max(out.peak, candidate + life.bytes);
    timeline.add({candidate, round_up(candidate + life.bytes, alignment), life.first, life.last});
  }
  return out;
}

void find_lower_bound(std::span<const Lifetime> lifetimes, int64_t alignment, MemoryPlan& plan) {
  // Changes of the live bytes, by step; a buffer dies after its last step.
  std::vector<std::pair<int32_t, int64_t>> changes;
  for (const Lifetime& life : lifetimes) {
    const int64_t bytes = round_up(life.bytes, alignment);
    changes.emplace_back(life.first, bytes);
    changes.emplace_back(life.last + 1, -bytes);
  }
  std::sort(changes.begin(), changes.end());
  int64_t live = 0, most = 0;
  for (size_t i = 0; i < changes.size();) {
    const int32_t step = changes[i].first;
    for (; i < changes.size() && changes[i].first == step; ++i) live += changes[i].second;
    if (live > most) most = live, plan.peak_step = step;
  }
  int64_t slack = 0;  // the topmost buffer need not be padded
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    const Lifetime& life = lifetimes[i];
    if (life.bytes == 0 || life.first > plan.peak_step || life.last < plan.peak_step) continue;
    plan.live_at_peak.push_back(i);
    slack = std::max(slack, round_up(life.bytes, alignment) - life.bytes);
  }
  plan.lower_bound = most - slack;
  std::stable_sort(plan.live_at_peak.begin(), plan.live_at_peak.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
}

std::vector<size_t> ordered(std::span<const Lifetime> lifetimes,
                            const std::function<double(const Lifetime&)>& weight) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return weight(lifetimes[a]) > weight(lifetimes[b]); });
  return order;
}

// Moves buffers that end at the peak to the front of the order, at random but seeded, and keeps what helps.
void improve(std::span<const Lifetime> lifetimes, int64_t alignment, int64_t lower_bound,
             std::vector<size_t> order, Placement& best) {
  std::mt19937 random(12345);
  // About 2e8 comparisons at the most, whatever the size of the graph.
  const auto n = static_cast<double>(std::max<size_t>(lifetimes.size(), 1));
  const int rounds = static_cast<int>(std::clamp(2e8 / (n * n), 0.0, 400.0));
  for (int round = 0; round < rounds && best.peak > lower_bound; ++round) {
    std::vector<size_t> trial = order;
    for (size_t i = 0; i < trial.size(); ++i)
      if (best.offsets[trial[i]] + lifetimes[trial[i]].bytes == best.peak) {
        const size_t to = random() % (i + 1);
        std::rotate(trial.begin() + static_cast<std::ptrdiff_t>(to),
                    trial.begin() + static_cast<std::ptrdiff_t>(i),
                    trial.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    std::swap(trial[random() % trial.size()], trial[random() % trial.size()]);
    Placement placed = place(lifetimes, trial, alignment);
    if (placed.peak <= best.peak) {
      best = std::move(placed);
      order = std::move(trial);
    }
  }
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t alignment) {
  for (const Lifetime& life : lifetimes)
    if (life.last < life.first || life.bytes < 0)
      throw InternalError("plan_memory: a lifetime that ends before it starts");
  MemoryPlan plan;
  find_lower_bound(lifetimes, alignment, plan);
  const std::function<double(const Lifetime&)> weights[] = {
      [](const Lifetime& l) { return static_cast<double>(l.bytes); },
      [](const Lifetime& l) { return static_cast<double>(l.last - l.first); },
      [](const Lifetime& l) { return static_cast<double>(l.bytes) * (l.last - l.first + 1); },
      [](const Lifetime& l) { return -static_cast<double>(l.first); },
  };
  Placement best;
  std::vector<size_t> best_order;
  for (const auto& weight : weights) {
    std::vector<size_t> order = ordered(lifetimes, weight);
    Placement placed = place(lifetimes, order, alignment);
    if (best_order.empty() || placed.peak < best.peak) {
      best = std::move(placed);
      best_order = std::move(order);
    }
  }
  if (best.peak > plan.lower_bound && !lifetimes.empty())
    improve(lifetimes, alignment, plan.lower_bound, std::move(best_order), best);
  plan.offsets = std::move(best.offsets);
  plan.peak_bytes = best.peak;
  return plan;
}

void verify_plan(std::span<const Lifetime> lifetimes, const MemoryPlan& plan, int64_t alignment) {
  for (size_t a = 0; a < lifetimes.size(); ++a) {
    if (lifetimes[a].bytes == 0) continue;
    const int64_t start = plan.offsets[a], end = start + lifetimes[a].bytes;
    if (start < 0 || start % alignment != 0 || end > plan.peak_bytes)
      throw InternalError(fmt::format("memory plan: buffer {} at {} is misaligned or outside", a, start));
    for (size_t b = 0; b < a; ++b)
      if (lifetimes[b].bytes > 0 && share_a_step(lifetimes[a], lifetimes[b]) &&
          start < plan.offsets[b] + lifetimes[b].bytes && plan.offsets[b] < end)
        throw InternalError(fmt::format("memory plan: buffers {} and {} overlap", b, a));
  }
}

std::string explain_plan(std::span<const Lifetime> lifetimes, const MemoryPlan& plan,
                         std::span<const std::string> names, size_t most) {
  std::string text =
      fmt::format("arena {} bytes, lower bound {} bytes, fragmentation {:.2f} %, peak at step {}\n",
                  plan.peak_bytes, plan.lower_bound, plan.fragmentation() * 100, plan.peak_step);
  for (size_t i = 0; i < plan.live_at_peak.size() && i < most; ++i) {
    const size_t index = plan.live_at_peak[i];
    text += fmt::format("  {:>14} bytes at {:>14}, steps {} to {}: {}\n", lifetimes[index].bytes,
                        plan.offsets[index], lifetimes[index].first, lifetimes[index].last, names[index]);
  }
  return text;
}

}  // namespace zoetrope
