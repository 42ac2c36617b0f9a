#include "runtime/weight_feed.h"

#include <algorithm>

namespace zoetrope {
namespace {

// One thread reads some 9 GB/s from the page cache, the link takes 55: parts this large, on this many
// threads, with twice as many slots so that a copy runs from one while the next is filled.
constexpr int64_t kPartBytes = int64_t{16} << 20;
constexpr unsigned kMostReaders = 8;

}  // namespace

WeightFeed::WeightFeed(Device& device, const ParameterSource& source, const std::vector<Item>& known)
    : device_(device), source_(source) {
  for (const Item& item : known)
    slot_bytes_ = std::max(slot_bytes_, static_cast<size_t>(part_elements(item)) * size_of(item.type));
  const unsigned readers = std::clamp(std::thread::hardware_concurrency() / 2, 1u, kMostReaders);
  for (unsigned i = 0; i < 2 * readers; ++i)
    slots_.push_back({device.allocate_host(slot_bytes_), device.make_event()});
  ready_.resize(slots_.size());
  for (unsigned i = 0; i < readers; ++i) threads_.emplace_back([this] { read_parts(); });
  threads_.emplace_back([this] { carry_items(); });
}

WeightFeed::~WeightFeed() {
  end();
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  device_.synchronize();  // the slots may still be read
}

int64_t WeightFeed::part_elements(const Item& item) const {
  const int64_t most = kPartBytes / static_cast<int64_t>(size_of(item.type));
  return source_.has_parts(item.parameter) ? std::min(item.elements, most) : item.elements;
}

int64_t WeightFeed::parts_of(const Item& item) const {
  const int64_t part = part_elements(item);
  return part == 0 ? 0 : (item.elements + part - 1) / part;
}

void WeightFeed::begin(const std::vector<Item>& items) {
  end();
  const std::lock_guard lock(mutex_);
  items_ = &items;
  next_ = {};
  taken_ = queued_ = carried_ = launched_ = 0;
  std::fill(ready_.begin(), ready_.end(), 0);
  error_ = nullptr;
  changed_.notify_all();
}

void WeightFeed::end() {
  std::unique_lock lock(mutex_);
  items_ = nullptr;
  changed_.notify_all();
  changed_.wait(lock, [this] { return busy_ == 0; });
}

// Takes the next stretch to read, where there is one. Called under the lock.
bool WeightFeed::next_part(Part& part, size_t& number) {
  while (next_.item < items_->size() && next_.first >= (*items_)[next_.item].elements)
    next_ = {next_.item + 1};
  if (next_.item == items_->size()) return false;
  const Item& item = (*items_)[next_.item];
  part = {next_.item, next_.first, std::min(part_elements(item), item.elements - next_.first)};
  next_.first += part.count;
  number = taken_++;
  return true;
}

void WeightFeed::fill(const Item& item, const Part& part, Slot& slot) {
  device_.wait(*slot.copied);  // the copy that used the slot last
  if (part.count == item.elements)
    source_.read(item.parameter, item.type, slot.buffer->data());
  else
    source_.read_part(item.parameter, item.type, part.first, part.count, slot.buffer->data());
  if (item.type == DType::f32 && item.rounding != DType::f32)
    round_to(item.rounding, static_cast<float*>(slot.buffer->data()), static_cast<size_t>(part.count));
}

void WeightFeed::read_parts() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    Part part;
    size_t number = 0;
    // A slot is free once the copy of the part that lay in it was queued.
    if (!items_ || error_ || taken_ >= queued_ + slots_.size() || !next_part(part, number)) {
      changed_.wait(lock);
      continue;
    }
    ++busy_;
    const Item& item = (*items_)[part.item];  // stays until busy_ is 0; items_ itself may change
    lock.unlock();
    std::exception_ptr error;
    try {
      fill(item, part, slots_[number % slots_.size()]);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --busy_;
    ready_[number % slots_.size()] = number + 1;
    if (error) error_ = error;
    changed_.notify_all();
  }
}

// Gives the parts of an item to the copy lane as they are read; stops where the feed ends.
void WeightFeed::carry(const Item& item) {
  if (item.after) device_.wait(Lane::copy, *item.after);
  auto* out = static_cast<char*>(item.destination);
  int64_t first = 0;
  for (int64_t left = parts_of(item); left > 0; --left) {
    const int64_t count = std::min(part_elements(item), item.elements - first);
    Slot& slot = slots_[queued_ % slots_.size()];  // this thread alone counts on
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [&] { return !items_ || error_ || ready_[queued_ % slots_.size()] == queued_ + 1; });
      if (!items_ || error_) return;
    }
    const size_t bytes = static_cast<size_t>(count) * size_of(item.type);
    device_.copy_in_async(Lane::copy, out, slot.buffer->data(), bytes);
    device_.record(*slot.copied, Lane::copy);
    {
      const std::lock_guard lock(mutex_);
      ++queued_;
    }
    changed_.notify_all();
    out += bytes;
    first += count;
  }
  if (item.arrived) device_.record(*item.arrived, Lane::copy);
}

void WeightFeed::carry_items() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    if (!items_ || error_ || carried_ == items_->size() || (*items_)[carried_].step > launched_) {
      changed_.wait(lock);
      continue;
    }
    ++busy_;
    const Item& item = (*items_)[carried_];
    lock.unlock();
    std::exception_ptr error;
    try {
      carry(item);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --busy_;
    ++carried_;
    if (error) error_ = error;
    changed_.notify_all();
  }
}

void WeightFeed::launched(size_t steps) {
  {
    const std::lock_guard lock(mutex_);
    launched_ = steps;
  }
  changed_.notify_all();
}

void WeightFeed::wait_for(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || carried_ >= count; });
  if (error_) std::rethrow_exception(error_);
}

}  // namespace zoetrope
