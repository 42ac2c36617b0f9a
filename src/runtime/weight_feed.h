// Parameters on their way to a device whose memory is its own: reader threads fill page-locked slots from the
// files, and a carrier thread gives their copies to the copy lane, in one order that is known beforehand. Who
// launches kernels never waits for bytes that only a later step needs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "device/device.h"
#include "graph/parameter_source.h"

namespace zoetrope {

class WeightFeed {
 public:
  struct Item {
    std::string parameter;
    DType type = DType::f32;
    int64_t elements = 0;
    DType rounding = DType::f32;  // of what is held in float32
    void* destination = nullptr;
    // Not before so many steps were launched, and on the copy lane not before this event.
    size_t step = 0;
    const Event* after = nullptr;
    Event* arrived = nullptr;  // recorded behind the copy; may be absent
    int64_t bytes() const { return elements * static_cast<int64_t>(size_of(type)); }
  };
  // Every item that may be fed is among `known`: the slots are as large as the largest part of one. Takes its
  // host memory and starts its threads here. `device` and `source` must outlive it.
  WeightFeed(Device& device, const ParameterSource& source, const std::vector<Item>& known);
  ~WeightFeed();
  WeightFeed(const WeightFeed&) = delete;

  // Begins to read `items` and to carry them, which must stay as they are until end(). Allocates nothing.
  void begin(const std::vector<Item>& items);
  void launched(size_t steps);  // so many steps of the run were launched
  // Until the copies of the first `count` items are queued on the copy lane. Throws what the source threw.
  void wait_for(size_t count);
  // Reading stops, whatever is left. Copies that were queued run on.
  void end();

 private:
  struct Slot {
    std::unique_ptr<Buffer> buffer;
    std::unique_ptr<Event> copied;
  };
  // A stretch of an item that fits a slot.
  struct Part {
    size_t item = 0;
    int64_t first = 0, count = 0;
  };
  int64_t part_elements(const Item& item) const;
  int64_t parts_of(const Item& item) const;
  bool next_part(Part& part, size_t& number);
  void fill(const Item& item, const Part& part, Slot& slot);
  void read_parts();
  void carry(const Item& item);
  void carry_items();

  Device& device_;
  const ParameterSource& source_;
  size_t slot_bytes_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::vector<Item>* items_ = nullptr;
  Part next_;                  // to be read
  size_t taken_ = 0;           // parts that readers took
  size_t queued_ = 0;          // parts whose copies were queued
  std::vector<size_t> ready_;  // per slot: number of the part it holds, plus one
  size_t carried_ = 0;         // items
  size_t launched_ = 0;        // steps
  int busy_ = 0;               // threads at work on an item
  bool closing_ = false;
  std::exception_ptr error_;
};

}  // namespace zoetrope
