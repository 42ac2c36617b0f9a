#include "forecast/gpu_catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

TEST(Curve, RunsThroughItsPointsMonotonicallyAndIsHeldAtTheEnds) {
  const Curve curve({{1, 0.1}, {10, 0.5}, {100, 0.55}, {1000, 0.4}});
  EXPECT_DOUBLE_EQ(curve.at(0.01), 0.1);
  EXPECT_DOUBLE_EQ(curve.at(1e9), 0.4);
  EXPECT_NEAR(curve.at(10), 0.5, 1e-12);
  EXPECT_NEAR(curve.at(100), 0.55, 1e-12);
  double last = 0.1;
  for (double x = 1; x <= 100; x *= 1.01) {
    EXPECT_GE(curve.at(x), last - 1e-12) << x;
    last = curve.at(x);
  }
  for (double x = 101; x <= 1000; x *= 1.01) {
    EXPECT_LE(curve.at(x), last + 1e-12) << x;
    last = curve.at(x);
  }
  EXPECT_THROW(Curve({{2, 1}, {1, 1}}), InternalError);
}

TEST(GpuCatalogue, HasEveryGpuWithASourceForItsFields) {
  const std::vector<std::string> wanted = {"rtx-3060-ti",
                                           "rtx-3090",
                                           "rtx-4060-ti-16gb",
                                           "rtx-4070-ti-super",
                                           "rtx-4080-super",
                                           "rtx-4090",
                                           "rtx-5070-ti",
                                           "rtx-5080",
                                           "rtx-5090",
                                           "rtx-6000-ada",
                                           "rtx-pro-6000-blackwell",
                                           "l40s",
                                           "a100-40gb",
                                           "a100-80gb",
                                           "h100",
                                           "h200",
                                           "b200"};
  for (const std::string& id : wanted) {
    const Gpu gpu = find_gpu(id);
    for (const char* field : {"memory_mib", "tflops", "price_usd"})
      EXPECT_TRUE(gpu.sources.contains(field)) << id << " " << field;
    EXPECT_EQ(gpu.measured(), id == "h200") << id;
    EXPECT_EQ(gpu.curves_of, "h200");
    // A wider format is never faster.
    EXPECT_LE(gpu.rate(Format::f32), gpu.rate(Format::bf16));
    EXPECT_LE(gpu.rate(Format::bf16), gpu.rate(Format::int8));
  }
  EXPECT_EQ(gpu_catalogue().size(), wanted.size());
  EXPECT_EQ(find_gpu("h200").memory_bytes, int64_t{143771} << 20);
  EXPECT_EQ(find_gpu("rtx-3090").rate(Format::fp8), find_gpu("rtx-3090").rate(Format::bf16));
}

TEST(GpuCatalogue, AnUnknownNameOffersTheNearest) {
  try {
    find_gpu("RTX-409");
    FAIL() << "an unknown name was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("rtx-4090"));
  }
}

constexpr const char* kEntry =
    "gpus:\n"
    "  mine:\n"
    "    name: Mine\n"
    "    architecture: ada\n"
    "    memory_mib: 8192\n"
    "    bandwidth_gb: 500\n"
    "    link_gb: 25\n"
    "    multiprocessors: 30\n"
    "    watts: 200\n"
    "    price_usd: 0\n"
    "    tflops: {f32: 10, bf16: 20}\n"
    "    source: {tflops: a guess}\n"
    "default_curves: h200\n";

std::string error_of(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) return "the test is wrong";
  text.replace(at, from.size(), to);
  try {
    read_catalogue(Yaml::parse(text, "mine.yaml"), gpu_catalogue());
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(GpuCatalogue, TakesAnOwnEntry) {
  const std::vector<Gpu> gpus = read_catalogue(Yaml::parse(kEntry, "mine.yaml"), gpu_catalogue());
  ASSERT_EQ(gpus.size(), 1u);
  EXPECT_EQ(gpus[0].rate(Format::fp8), 20e12);
  EXPECT_FALSE(gpus[0].measured());
  EXPECT_EQ(error_of(kEntry, "8192", "8192"), "");
}

TEST(GpuCatalogue, BadEntriesNameLineAndField) {
  const auto bad = [&](const char* from, const char* to) { return error_of(kEntry, from, to); };
  EXPECT_THAT(bad("    link_gb: 25\n", ""), HasSubstr("link_gb"));
  EXPECT_THAT(bad("link_gb: 25", "link_bg: 25"),
              testing::AllOf(HasSubstr("mine.yaml:7"), HasSubstr("link_gb")));
  EXPECT_THAT(bad("8192", "-8192"), HasSubstr("mine.yaml:5"));
  EXPECT_THAT(bad("8192", "lots"), HasSubstr("a number"));
  EXPECT_THAT(bad("bf16: 20", "bf15: 20"), HasSubstr("bf15"));
  EXPECT_THAT(bad("bf16: 20", "bf16: 0"), HasSubstr("above 0"));
  EXPECT_THAT(bad("f32: 10, ", ""), HasSubstr("f32"));
  EXPECT_THAT(bad("curves: h200", "curves: h100x"), HasSubstr("h100"));
  EXPECT_THAT(bad("price_usd: 0", "price_usd: 0\n    curves: []"), HasSubstr("curve"));
  EXPECT_THAT(bad("price_usd: 0", "based_on: h200"), HasSubstr("not known"));
  EXPECT_THAT(bad("gpus:", "gpu:"), HasSubstr("gpus"));
}

}  // namespace
}  // namespace zoetrope
