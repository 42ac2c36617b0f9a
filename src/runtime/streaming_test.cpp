// Weights that travel: a device whose memory is its own and whose copies run late, on a thread of their own,
// so that a step that does not wait for its weights, or a copy that does not wait for the bytes it
// overwrites, shows.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <queue>

#include "runtime/session_testing.h"
#include "runtime/weight_feed.h"

namespace zoetrope {
namespace {

struct LateEvent final : Event {
  std::atomic<int> recorded{0}, passed{0};
};

// The CPU's kernels and memory, with a copy lane that works through its queue with a delay.
class LateDevice final : public Device {
 public:
  explicit LateDevice(std::chrono::microseconds delay) : delay_(delay), worker_([this] { work(); }) {
    spec_ = cpu_->spec();
    spec_.own_memory = true;
  }
  ~LateDevice() override {
    push({});
    worker_.join();
  }
  const DeviceSpec& spec() const override { return spec_; }
  std::unique_ptr<Buffer> allocate(size_t bytes) override { return cpu_->allocate(bytes); }
  std::unique_ptr<Buffer> allocate_host(size_t bytes) override {
    host_bytes += bytes;
    return cpu_->allocate(bytes);
  }
  void copy_in(void* to, const void* from, size_t bytes) override { cpu_->copy_in(to, from, bytes); }
  void copy_out(void* to, const void* from, size_t bytes) override { cpu_->copy_out(to, from, bytes); }
  void fill(void* to, uint8_t value, size_t bytes) override { cpu_->fill(to, value, bytes); }
  void synchronize() override {
    LateEvent event;
    record(event, Lane::copy);
    wait(event);
  }
  void copy_in_async(Lane lane, void* to, const void* from, size_t bytes) override {
    ASSERT_EQ(lane, Lane::copy);
    push([=, this] {
      std::this_thread::sleep_for(delay_);
      std::memcpy(to, from, bytes);
      ++copies;
    });
  }
  std::unique_ptr<Event> make_event() override { return std::make_unique<LateEvent>(); }
  void record(Event& event, Lane lane) override {
    auto& late = static_cast<LateEvent&>(event);
    const int number = ++late.recorded;
    if (lane == Lane::compute)
      late.passed = number;  // kernels have run when they were launched
    else
      push([&late, number] {
        late.passed = number;
        late.passed.notify_all();
      });
  }
  void wait(Lane lane, const Event& event) override {
    if (lane == Lane::compute) return wait(event);
    const auto& late = static_cast<const LateEvent&>(event);
    // What a copy waits for was launched before: on this device it has run.
    if (late.passed < late.recorded) throw InternalError("a copy waits for what has not been launched");
  }
  void wait(const Event& event) override {
    const auto& late = static_cast<const LateEvent&>(event);
    for (int seen = late.passed; seen < late.recorded; seen = late.passed) late.passed.wait(seen);
  }
  void* compute_stream() override { return nullptr; }

  std::atomic<int> copies{0};
  std::atomic<size_t> host_bytes{0};

 private:
  void push(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push(std::move(job));
    changed_.notify_all();
  }
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !jobs_.empty(); });
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop();
      lock.unlock();
      if (!job) return;
      job();
    }
  }
  std::unique_ptr<Device> cpu_ = make_cpu_device(2);
  DeviceSpec spec_;
  std::chrono::microseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<std::function<void()>> jobs_;
  std::thread worker_;
};

// Every graph twice; the bytes of all outputs.
std::string outputs_of(Session& session) {
  std::string all;
  for (int repeat = 0; repeat < 2; ++repeat)
    for (size_t g = 0; g < session.graph_count(); ++g) {
      GraphBuffers buffers(session.graph(g), static_cast<uint32_t>(7 * g + 1));
      session.run(g, buffers.input_views, buffers.output_views);
      all += buffers.bytes();
    }
  return all;
}

int64_t smallest_for(Device& device, const ParameterSource& source, const Component& component) {
  try {
    const Session probe(device, source, test_graphs(component), {.budget_bytes = 1});
  } catch (const FitError& error) {
    const std::string text = error.what();
    return std::stoll(text.substr(text.find("at least ") + 9));
  }
  ADD_FAILURE() << "one byte was enough";
  return 0;
}

class Streaming : public testing::TestWithParam<std::string> {};

TEST_P(Streaming, GivesTheBytesOfTheResidentRun) {
  const Component component(source_folder(GetParam()));
  LateDevice device(std::chrono::microseconds(300));
  // The CPU's kernels want float32 parameters laid out anew; those in the file's type travel as they are.
  const Session widened(device, component.binding(), test_graphs(component));
  Session resident(device, component.binding(), test_graphs(component),
                   {.budget_bytes = widened.plan().peak_bytes - 1});
  ASSERT_EQ(resident.plan().residency, Residency::as_stored);
  const std::string expected = outputs_of(resident);
  const int64_t smallest = smallest_for(device, component.binding(), component);
  const int64_t whole = resident.plan().peak_bytes;
  ASSERT_LT(smallest, whole);
  for (const int64_t budget : {smallest, (smallest + whole) / 2}) {
    Session streamed(device, component.binding(), test_graphs(component), {.budget_bytes = budget});
    EXPECT_GT(streamed.plan().streamed_bytes, 0);
    EXPECT_LE(streamed.plan().peak_bytes, budget);
    EXPECT_EQ(outputs_of(streamed), expected);
    EXPECT_LE(streamed.measured_peak_bytes(), budget);
  }
}

INSTANTIATE_TEST_SUITE_P(Shipped, Streaming, testing::ValuesIn(shipped_models()),
                         [](const auto& model) { return test_name(model.param); });

// Counts up, element by element.
class Numbers final : public ParameterSource {
 public:
  DType stored_type(const std::string&) const override { return DType::f32; }
  void read(const std::string& name, DType type, void* out) const override {
    read_part(name, type, 0, 1000, out);
  }
  bool has_parts(const std::string& name) const override { return name != "whole"; }
  void read_part(const std::string& name, DType, int64_t first, int64_t count, void* out) const override {
    if (name == "bad") throw InputError("the file ends early", "model.safetensors");
    for (int64_t i = 0; i < count; ++i) static_cast<float*>(out)[i] = static_cast<float>((first + i) % 9973);
  }
};

TEST(WeightFeed, CarriesPartsOfLargeItemsInOrder) {
  LateDevice device(std::chrono::microseconds(50));
  const Numbers source;
  const int64_t large = (int64_t{16} << 20) / 4 * 2 + 12345;  // three parts
  std::vector<WeightFeed::Item> items;
  for (int i = 0; i < 3; ++i) items.push_back({"large", DType::f32, large, DType::f32});
  items.push_back({"whole", DType::f32, 1000, DType::bf16});
  std::vector<float> out(static_cast<size_t>(large));
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].destination = out.data();
    items[i].step = i;
  }
  WeightFeed feed(device, source, items);
  EXPECT_LE(device.host_bytes, size_t{256} << 20);
  for (int repeat = 0; repeat < 2; ++repeat) {
    std::fill(out.begin(), out.end(), -1.0f);
    feed.begin(items);
    for (size_t i = 0; i < items.size(); ++i) {
      feed.wait_for(i + 1);
      device.synchronize();
      for (int64_t k = 0; k < items[i].elements; ++k) {
        float expected = static_cast<float>(k % 9973);
        if (i == 3) round_to(DType::bf16, &expected, 1);
        ASSERT_EQ(out[static_cast<size_t>(k)], expected) << i << " " << k;
      }
      std::fill(out.begin(), out.end(), -1.0f);
      feed.launched(i + 1);  // the next one may come
    }
  }
}

TEST(WeightFeed, TellsWhatTheSourceThrewAndGoesOnAfterwards) {
  LateDevice device(std::chrono::microseconds(0));
  const Numbers source;
  std::vector<float> out(1000);
  const WeightFeed::Item item{"good", DType::f32, 1000, DType::f32, out.data()};
  std::vector<WeightFeed::Item> bad = {item, item}, good = {item, item};
  bad[1].parameter = "bad";
  good[1].step = 1;
  WeightFeed feed(device, source, bad);
  feed.begin(bad);
  EXPECT_THROW(feed.wait_for(2), InputError);
  feed.begin(good);
  feed.wait_for(1);
  feed.end();  // before all was carried
  feed.begin(good);
  feed.launched(1);
  feed.wait_for(2);
  device.synchronize();
  EXPECT_EQ(out[999], 999.0f);
}

}  // namespace
}  // namespace zoetrope
