#include "forecast/replay.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace zoetrope {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Both lanes at one moment: what each works on, and how much of it is left.
class Lanes {
 public:
  explicit Lanes(const ReplayRun& run) : run_(run) {
    result_.steps.resize(run.steps.size());
    result_.copies.resize(run.fetches.size());
    fetches_of_.assign(run.steps.size() + 1, 0);
    for (size_t f = 0; f < run.fetches.size(); ++f) {
      const ReplayFetch& fetch = run.fetches[f];
      if (fetch.step >= run.steps.size() || fetch.issue > fetch.step ||
          (f > 0 && fetch.step < run.fetches[f - 1].step))
        throw InternalError("a copy belongs to no step, or to one before its own or its predecessor's");
      fetches_of_[fetch.step + 1] = f + 1;
    }
    for (size_t s = 1; s < fetches_of_.size(); ++s)
      fetches_of_[s] = std::max(fetches_of_[s], fetches_of_[s - 1]);
  }

  ReplayResult play() {
    while (step_ < run_.steps.size()) {
      begin_what_can_begin();
      const double until_step = computing_ ? step_left_ : kNever;
      const double until_copy = copying_ ? copy_seconds_left() : kNever;
      const double span = std::min(until_step, until_copy);
      if (!computing_) result_.waited += span;
      advance(span, until_step <= span, until_copy <= span);
    }
    result_.seconds = now_;
    return std::move(result_);
  }

 private:
  double copy_rate() const { return run_.link * (computing_ ? 1 - run_.copy_interference : 1); }
  double copy_seconds_left() const { return latency_left_ + bytes_left_ / copy_rate(); }

  void begin_what_can_begin() {
    if (!computing_ && copied_ >= fetches_of_[step_ + 1]) {
      computing_ = true;
      step_left_ = run_.steps[step_];
      result_.steps[step_].begin = now_;
    }
    if (copying_ || copied_ == run_.fetches.size()) return;
    const ReplayFetch& fetch = run_.fetches[copied_];
    if (fetch.issue > step_) return;  // its place is still in use
    copying_ = true;
    latency_left_ = run_.copy_latency;
    bytes_left_ = fetch.bytes;
    result_.copies[copied_].begin = now_;
  }

  void advance(double span, bool step_ends, bool copy_ends) {
    now_ += span;
    if (copying_) {
      const double latency = std::min(latency_left_, span);
      latency_left_ -= latency;
      bytes_left_ -= (span - latency) * copy_rate();
      if (copy_ends) {
        copying_ = false;
        result_.copies[copied_++].end = now_;
      }
    }
    if (!computing_) return;
    step_left_ -= span;
    if (!step_ends) return;
    computing_ = false;
    result_.steps[step_++].end = now_;
  }

  const ReplayRun& run_;
  ReplayResult result_;
  std::vector<size_t> fetches_of_;  // [s + 1]: copies that must have ended before step s
  double now_ = 0, step_left_ = 0, bytes_left_ = 0, latency_left_ = 0;
  size_t step_ = 0, copied_ = 0;
  bool computing_ = false, copying_ = false;
};

}  // namespace

ReplayResult replay(const ReplayRun& run) { return Lanes(run).play(); }

}  // namespace zoetrope
