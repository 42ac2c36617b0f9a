// Nothing is allocated on the run path: every way to memory is counted in this program, for the libraries as
// well.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "formats/safetensors.h"
#include "formats/test_folder.h"
#include "nn/lora.h"
#include "runtime/session_testing.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
std::atomic<bool> g_counting{false};
std::atomic<int> g_allocations{0};
std::atomic<void*> g_caller{nullptr};  // of the last one
void note_allocation(void* caller) {
  if (!g_counting.load(std::memory_order_relaxed)) return;
  g_allocations.fetch_add(1);
  g_caller = caller;
}
}  // namespace

// The program's definitions come before the C library's, for every library in the process; operator new ends
// here too. glibc keeps its own under these names.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  return __libc_realloc(block, bytes);
}
void* memalign(size_t alignment, size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** block, size_t alignment, size_t bytes) noexcept {
  note_allocation(__builtin_return_address(0));
  *block = __libc_memalign(alignment, bytes);
  return *block ? 0 : ENOMEM;
}
void* mmap(void* address, size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  note_allocation(__builtin_return_address(0));
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}
}

namespace zoetrope {
namespace {

// Allocations of any thread while `body` runs.
template <class Body>
int allocations_in(const Body& body) {
  g_allocations = 0;
  g_counting = true;
  body();
  g_counting = false;
  return g_allocations;
}

// The library and function that allocated last, for the message of a failure.
std::string last_caller() {
  Dl_info info{};
  if (!::dladdr(g_caller.load(), &info)) return "nobody";
  return std::string(info.dli_fname ? info.dli_fname : "?") + " " + (info.dli_sname ? info.dli_sname : "?");
}

TEST(AllocationCount, SeesEveryWay) {
  static void* volatile kept;
  EXPECT_EQ(allocations_in([] {}), 0);
  EXPECT_GE(allocations_in([] { kept = ::malloc(3); }), 1);
  ::free(kept);
  EXPECT_GE(allocations_in([] { kept = ::calloc(3, 5); }), 1);
  EXPECT_GE(allocations_in([] { kept = ::realloc(kept, 1 << 20); }), 1);
  ::free(kept);
  EXPECT_GE(allocations_in([] { kept = new int(3); }), 1);
  delete static_cast<int*>(kept);
  EXPECT_GE(allocations_in([] { kept = ::aligned_alloc(64, 128); }), 1);
  ::free(kept);
  EXPECT_GE(
      allocations_in([] { kept = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }), 1);
  ::munmap(kept, 4096);
  EXPECT_GE(allocations_in([] {
              std::vector<float> values(100, 1.0f);
              kept = values.data();
            }),
            1);
}

// Every graph once to warm up (the libraries' thread pools and scratch), then again, counted.
int allocations_of_a_run(Session& session) {
  std::vector<GraphBuffers> buffers;
  for (size_t g = 0; g < session.graph_count(); ++g) buffers.emplace_back(session.graph(g), 7 * g + 1);
  auto run_all = [&] {
    for (size_t g = 0; g < buffers.size(); ++g)
      session.run(g, buffers[g].input_views, buffers[g].output_views);
  };
  run_all();
  run_all();
  return allocations_in(run_all);
}

class RunPath : public testing::TestWithParam<std::string> {};

TEST_P(RunPath, AllocatesNothing) {
  const Component component(source_folder(GetParam()));
  for (int threads : {1, 2}) {
    const auto device = make_cpu_device(threads);
    for (DType precision : {DType::f32, DType::bf16}) {
      if (threads == 1 && precision == DType::bf16) continue;
      Session session(*device, component.binding(), test_graphs(component), {.precision = precision});
      EXPECT_EQ(allocations_of_a_run(session), 0)
          << threads << " threads, " << name_of(precision) << ", by " << last_caller();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, RunPath, testing::ValuesIn(golden_models()),
                         [](const auto& info) { return test_name(info.param); });
INSTANTIATE_TEST_SUITE_P(Shipped, RunPath, testing::ValuesIn(shipped_models()),
                         [](const auto& info) { return test_name(info.param); });

class StreamedRunPath : public testing::TestWithParam<std::string> {};

TEST_P(StreamedRunPath, AllocatesNothing) {
  const Component component(source_folder(GetParam()));
  const auto device = make_cpu_device(2);
  for (DType precision : {DType::f32, DType::bf16, DType::f16}) {
    const int64_t budget =
        smallest_budget(*device, component.binding(), test_graphs(component), {.precision = precision});
    Session session(*device, component.binding(), test_graphs(component),
                    {.budget_bytes = budget, .precision = precision});
    EXPECT_EQ(session.plan().residency, Residency::streamed);
    EXPECT_EQ(allocations_of_a_run(session), 0) << name_of(precision) << ", by " << last_caller();
  }
}

INSTANTIATE_TEST_SUITE_P(Shipped, StreamedRunPath, testing::ValuesIn(shipped_models()),
                         [](const auto& info) { return test_name(info.param); });

// Remembers which parameters were read.
class WatchedSource final : public ParameterSource {
 public:
  explicit WatchedSource(const ParameterSource& base) : base_(base) {}
  DType stored_type(const std::string& name) const override { return base_.stored_type(name); }
  void read(const std::string& name, DType as, void* destination) const override {
    if (!names.contains(name)) names.insert(name);
    base_.read(name, as, destination);
  }
  mutable std::set<std::string> names;

 private:
  const ParameterSource& base_;
};

// A LoRA's branch and a whole difference, on weights that are streamed.
TEST(StreamedLoraRunPath, AllocatesNothing) {
  const TestFolder folder;
  const std::string q = "diffusion_model.blocks.3.self_attn.q.";
  save_safetensors(folder.path() / "small.safetensors",
                   {{q + "lora_A.weight", test_values(DType::f32, {32, 160}, 1)},
                    {q + "lora_B.weight", test_values(DType::f32, {160, 32}, 2)},
                    {"diffusion_model.blocks.5.ffn.0.diff", test_values(DType::f32, {640, 160}, 3)}});
  const Component expert(source_folder("assets/demo/video/transformer"));
  LoraSource source(expert.binding());
  source.add(std::make_shared<const Lora>(
                 Lora::open(folder.path() / "small.safetensors", LoraSource::describe(expert.denoiser()))),
             0.01);
  const WatchedSource watched(source);
  const auto device = make_cpu_device(2);
  SessionOptions options{.passes = {source.pass()}};
  options.budget_bytes = smallest_budget(*device, watched, test_graphs(expert), options);
  Session session(*device, watched, test_graphs(expert), options);
  session.load();
  watched.names.clear();
  EXPECT_EQ(allocations_of_a_run(session), 0) << "by " << last_caller();
  EXPECT_THAT(watched.names,
              testing::IsSupersetOf({"blocks.3.self_attn.q.weight.lora_down",
                                     "blocks.3.self_attn.q.weight.lora_up", "blocks.5.ffn.0.weight"}));
}

// Where the libraries split a product over threads: 252 tokens of 160 numbers.
TEST(LargeRunPath, AllocatesNothing) {
  const Component expert(source_folder("assets/demo/video/transformer"));
  const auto device = make_cpu_device(2);
  Session denoise(*device, expert.binding(),
                  one_graph(expert.denoiser().forward({.frames = 3, .height = 14, .width = 24})));
  EXPECT_EQ(allocations_of_a_run(denoise), 0) << "by " << last_caller();
}

}  // namespace
}  // namespace zoetrope

#endif
