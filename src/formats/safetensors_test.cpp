#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "formats/test_folder.h"

namespace zoetrope {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A file of a header's length, text and data.
std::string file_of(std::string_view header, std::string_view data, uint64_t length) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + std::string(header) + std::string(data);
}
std::string file_of(std::string_view header, std::string_view data = {}) {
  return file_of(header, data, header.size());
}

class Safetensors : public testing::Test {
 protected:
  // The message with which a file of these bytes is refused; it always names the file and is bounded.
  std::string refusal(std::string_view bytes) {
    const fs::path path = folder.write("bad.safetensors", bytes);
    try {
      SafetensorsFile file(path);
    } catch (const InputError& error) {
      const std::string message = error.what();
      EXPECT_THAT(message, HasSubstr("bad.safetensors"));
      EXPECT_LT(message.size(), 4000u);
      for (char c : message) EXPECT_TRUE(static_cast<uint8_t>(c) >= 0x20 && c != 0x7F) << message;
      return message;
    }
    ADD_FAILURE() << "was accepted";
    return "";
  }
  std::string refused_header(std::string_view header, std::string_view data = {}) {
    return refusal(file_of(header, data));
  }
  // One tensor "w" of the given fields over `data_bytes` zero bytes.
  std::string refused_tensor(const std::string& fields, size_t data_bytes) {
    return refused_header("{\"w\":{" + fields + "}}", std::string(data_bytes, '\0'));
  }

  TestFolder folder;
};

long resident_peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST_F(Safetensors, WhatIsSavedIsRead) {
  TensorMap tensors;
  tensors["b"] = HostTensor::from_f32({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  tensors["a"] = HostTensor(DType::bf16, {5});
  tensors["c"] = HostTensor(DType::i64, {});
  tensors["empty"] = HostTensor(DType::f32, {0, 7});
  tensors["c"].i64()[0] = -8;
  const std::map<std::string, std::string> metadata{{"form\nat", "p\"t\xC3\xA9\x01"}, {"b", ""}};
  const fs::path path = folder.path() / "x.safetensors";
  save_safetensors(path, tensors, metadata);

  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata(), metadata);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.find("nothing"), nullptr);
  const TensorMap back = load_safetensors(path);
  for (const auto& [name, tensor] : tensors) {
    const HostTensor& other = back.at(name);
    EXPECT_EQ(other.dtype(), tensor.dtype());
    EXPECT_EQ(other.shape(), tensor.shape());
    EXPECT_TRUE(tensor.bytes() == 0 || std::memcmp(other.data(), tensor.data(), tensor.bytes()) == 0) << name;
    const TensorInfo* info = file.find(name);
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->offset % size_of(info->dtype), 0u);
  }
  float two[2];
  file.read_part(*file.find("b"), 8, 8, two);
  EXPECT_EQ(two[0], 3);
  EXPECT_EQ(two[1], 4);
  EXPECT_THROW(file.read_part(*file.find("b"), 20, 8, two), InternalError);
  EXPECT_THROW(file.read_part(*file.find("b"), UINT64_MAX, 8, two), InternalError);
}

TEST_F(Safetensors, TheSameTensorsGiveTheSameBytes) {
  TensorMap tensors;
  for (const char* name : {"z", "m", "a"}) tensors[name] = HostTensor(DType::f16, {3});
  save_safetensors(folder.path() / "1", tensors, {{"k", "v"}});
  save_safetensors(folder.path() / "2", tensors, {{"k", "v"}});
  const std::string first = read_file(folder.path() / "1", 1 << 20);
  EXPECT_EQ(first, read_file(folder.path() / "2", 1 << 20));
  uint64_t length = 0;
  std::memcpy(&length, first.data(), 8);
  EXPECT_EQ(length % 8, 0u);
}

TEST_F(Safetensors, SavingLeavesNothingHalfWritten) {
  TensorMap tensors;
  tensors["a"] = HostTensor(DType::u8, {3});
  EXPECT_THROW(save_safetensors(folder.path() / "no" / "x", tensors), InputError);
  tensors["bad\nname"] = HostTensor(DType::u8, {3});
  EXPECT_THROW(save_safetensors(folder.path() / "x", tensors), InputError);
  tensors.erase("bad\nname");
  tensors["\xFF"] = HostTensor(DType::u8, {3});
  EXPECT_THROW(save_safetensors(folder.path() / "x", tensors), InputError);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST_F(Safetensors, ReadsFilesOfTheReferenceLibrary) {
  const fs::path golden = fs::path(ZT_SOURCE_DIR) / "models/llama/goldens/one_token/model.safetensors";
  const SafetensorsFile file(golden);
  EXPECT_GT(file.tensors().size(), 5u);
  uint64_t next = 0;
  for (const TensorInfo& tensor : file.tensors()) {
    EXPECT_EQ(tensor.offset, next);
    next += tensor.bytes;
  }
  EXPECT_EQ(next, file.data_bytes());
}

TEST_F(Safetensors, A1_FilesOfZeroToSevenBytes) {
  for (size_t bytes = 0; bytes < 8; ++bytes)
    EXPECT_THAT(refusal(std::string(bytes, '\1')),
                HasSubstr("has " + std::to_string(bytes) + " bytes, too few"));
}

TEST_F(Safetensors, A2_HeadersOfZeroToTwoBytes) {
  EXPECT_THAT(refused_header(""), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(refused_header("{"), HasSubstr("is not valid"));
  // "{}" is a file without tensors: whole, and what the reference library writes for none.
  EXPECT_TRUE(SafetensorsFile(folder.write("e", file_of("{}"))).tensors().empty());
  EXPECT_THAT(refused_header("{}", "1"), HasSubstr("declares 0 bytes of data, but the file has 1"));
}

TEST_F(Safetensors, A3_HeaderLengthsBeyondEveryBound) {
  for (uint64_t length : {uint64_t{100'000'001}, uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 7})
    EXPECT_THAT(refusal(file_of("{}", "", length)), HasSubstr("at most 100000000 are allowed"));
  EXPECT_THAT(refusal(file_of("{}", "", 100'000'000)), HasSubstr("but has only 10 bytes"));
}

TEST_F(Safetensors, A4_HeaderBeyondTheEndOfTheFile) {
  EXPECT_THAT(refusal(file_of("{}", "", 3)),
              HasSubstr("declares a header of 3 bytes, but has only 10 bytes"));
}

TEST_F(Safetensors, A5_HeadersThatAreNotUtf8) {
  for (std::string_view name : {"\xFF", "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80",
                                "\xF4\x90\x80\x80", "\xC3", "\x80"})
    EXPECT_THAT(refused_header("{\"" + std::string(name) + "\":{}}"), HasSubstr("not valid UTF-8"));
  for (std::string_view name : {"\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800x"})
    EXPECT_THAT(refused_header("{\"" + std::string(name) + "\":{}}"), HasSubstr("lone surrogate"));
  const std::string pair = R"({"\ud83d\ude00":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})";
  EXPECT_EQ(SafetensorsFile(folder.write("ok", file_of(pair, "x"))).tensors()[0].name, "\xF0\x9F\x98\x80");
}

TEST_F(Safetensors, A6_SpaceOrByteOrderMarkBeforeTheBrace) {
  EXPECT_THAT(refused_header(" {}"), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(refused_header("\xEF\xBB\xBF{}"), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(refused_header("{}{}"), HasSubstr("goes on after its closing brace"));
  EXPECT_THAT(refused_header("[]"), HasSubstr("does not begin with '{'"));
  EXPECT_TRUE(SafetensorsFile(folder.write("padded", file_of("{}      "))).tensors().empty());
}

TEST_F(Safetensors, A7_ManyTensorsOnTheSameBytes) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i)
    header += (i ? ",\"t" : "\"t") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[40000],"data_offsets":[0,160000]})";
  EXPECT_THAT(refused_header(header + "}", std::string(160'000, '\0')),
              HasSubstr("overlaps the tensor before it"));
}

TEST_F(Safetensors, A8_MillionsOfEntries) {
  std::string header = "{";
  header.reserve(60 << 20);
  for (int i = 0; i < 1'000'000; ++i)
    header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  const std::string bytes = file_of(header + "}");
  const long before = resident_peak_mib();
  EXPECT_THAT(refusal(bytes), HasSubstr("names more than 400000 tensors"));
  // The header's own bytes, and at most what the bound on tensors costs.
  EXPECT_LT(resident_peak_mib() - before, static_cast<long>(bytes.size() >> 20) + 100);
}

TEST_F(Safetensors, AHundredThousandTensorsAreReadFastInBoundedMemory) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i)
    header += (i ? ",\"" : "\"") + std::string("model.layers.") + std::to_string(i) +
              R"(.weight":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
  const fs::path path = folder.write("many", file_of(header + "}", std::string(100'000, 'x')));
  const long before = resident_peak_mib();
  const std::clock_t start = std::clock();  // processor time: other programs may be running
  const SafetensorsFile file(path);
  EXPECT_LT(std::clock() - start, 2 * CLOCKS_PER_SEC);
  EXPECT_LT(resident_peak_mib() - before, 64);
  ASSERT_EQ(file.tensors().size(), 100'000u);
  for (int i = 0; i < 100'000; i += 997) {
    const TensorInfo* info = file.find("model.layers." + std::to_string(i) + ".weight");
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->offset, static_cast<uint64_t>(i));
  }
}

TEST_F(Safetensors, A9_HolesAndBytesTooManyOrTooFew) {
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", 8),
              HasSubstr("leaves a hole of 4 bytes"));
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 5),
              HasSubstr("declares 4 bytes of data, but the file has 5"));
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 6),
              HasSubstr("reaches beyond the end of the file"));
  EXPECT_THAT(
      refused_header(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
          "xyz"),
      AllOf(HasSubstr("'b'"), HasSubstr("overlaps")));
}

TEST_F(Safetensors, A10_OffsetsThatAreNoOffsets) {
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[0],"data_offsets":[4,0])", 4),
              HasSubstr("ends before it begins"));
  for (const char* number : {"-1", "16.0", "1e2", "\"4\"", "null", "01", "0x4", "+4", "", "[4]", "NaN"})
    EXPECT_THAT(
        refused_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,)" + std::string(number) + "]", 4),
        HasSubstr("something else than a whole number >= 0 in its data_offsets"))
        << number;
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551620])", 4),
              HasSubstr("beyond 2^63"));
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,9007199254740993])", 4),
              HasSubstr("but its shape"));
  EXPECT_THAT(refused_tensor(
                  R"("dtype":"U8","shape":[4],"data_offsets":[9223372036854775803,9223372036854775807])", 4),
              HasSubstr("beyond the end"));
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0])", 4), HasSubstr("is missing"));
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,4,4])", 4),
              HasSubstr("is missing"));
}

TEST_F(Safetensors, A11_ShapesThatWrap) {
  for (const char* shape :
       {"[4294967296,4294967296]", "[9223372036854775807]", "[0,9223372036854775807]", "[281474976710657]"})
    EXPECT_THAT(
        refused_tensor(R"("dtype":"F32","shape":)" + std::string(shape) + R"(,"data_offsets":[0,4])", 4),
        HasSubstr("more than 2^48 elements"));
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])", 4),
              HasSubstr("beyond 2^63"));
  std::string dims = "1";
  for (int i = 1; i < 65'536; ++i) dims += ",1";
  EXPECT_THAT(refused_tensor("\"dtype\":\"F32\",\"shape\":[" + dims + "],\"data_offsets\":[0,4]", 4),
              HasSubstr("more than 8 dimensions"));
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4),
              HasSubstr("in its shape"));
  EXPECT_THAT(refused_tensor(R"("dtype":"F32","shape":4,"data_offsets":[0,4])", 4),
              HasSubstr("'[' is missing"));
}

TEST_F(Safetensors, A12_UnknownTypes) {
  for (const char* dtype : {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "C64", "f32", "Float", "", "F32 "})
    EXPECT_THAT(
        refused_tensor(R"("dtype":")" + std::string(dtype) + R"(","shape":[3],"data_offsets":[0,2])", 2),
        AllOf(HasSubstr("has the dtype '" + std::string(dtype) + "'"), HasSubstr("known are F32")));
  EXPECT_THAT(refused_tensor(R"("dtype":7,"shape":[3],"data_offsets":[0,2])", 2),
              HasSubstr("a dtype should be a string"));
}

TEST_F(Safetensors, A13_BytesThatAreNotThoseOfTheShape) {
  EXPECT_THAT(refused_tensor(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])", 8),
              HasSubstr("has 8 bytes (data_offsets), but its shape (2) of F64 needs 16"));
}

TEST_F(Safetensors, A14_TwiceTheSameName) {
  const std::string same = R"("w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_THAT(refused_header("{" + same + "," + same + "}"), HasSubstr("'w' stands twice"));
  EXPECT_THAT(
      refused_header(
          R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          "ab"),
      HasSubstr("'w' stands twice"));
  EXPECT_THAT(refused_header(R"({"\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)" + same + "}"),
              HasSubstr("'w' stands twice"));
  EXPECT_THAT(refused_header(R"({"__metadata__":{},"__metadata__":{}})"), HasSubstr("__metadata__ twice"));
  EXPECT_THAT(refused_header(R"({"__metadata__":{"a":"1","a":"2"}})"), HasSubstr("'a' twice"));
  for (const char* value : {"7", "{}", "[]", "null", "true"})
    EXPECT_THAT(refused_header(R"({"__metadata__":{"a":)" + std::string(value) + "}}"),
                HasSubstr("should be a string"));
  EXPECT_THAT(refused_header(R"({"__metadata__":[]})"), HasSubstr("'{' is missing"));
  EXPECT_THAT(refused_header(R"({"__metadata__":{"a":")" + std::string(50 << 20, 'x') + "\"}}"),
              HasSubstr("more than 16777216 bytes"));
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0])", 0),
              HasSubstr("field 'dtype' twice"));
  EXPECT_THAT(refused_tensor(R"("dtype":"U8","shape":[0])", 0), HasSubstr("has no field 'data_offsets'"));
}

TEST_F(Safetensors, A15_DeepNesting) {
  EXPECT_THAT(refused_header("{\"a\":" + std::string(100'000, '[')), HasSubstr("'{' is missing"));
  EXPECT_THAT(refused_tensor("\"shape\":" + std::string(100'000, '['), 0), HasSubstr("whole number"));
  EXPECT_THAT(refused_tensor("\"x\":" + std::string(100'000, '{'), 0), HasSubstr("format does not know"));
}

TEST_F(Safetensors, A16_PolyglotsAndOtherFormats) {
  const std::string good = file_of(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  EXPECT_THAT(refusal(good + "PK\x05\x06 a zip's tail"), HasSubstr("bytes of data, but the file has"));
  EXPECT_THAT(refusal("PK\x03\x04 data.pkl and so on, longer"), HasSubstr("pickles can run code"));
  EXPECT_THAT(refusal("<!DOCTYPE html><html>Sign in</html>"), HasSubstr("is a web page"));
  EXPECT_THAT(refusal("version https://git-lfs.github.com/spec/v1\noid sha256:00"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(refusal("GGUF\x03 and the rest of it, long"), HasSubstr("is a GGUF file"));
  EXPECT_THAT(refusal("%PDF-1.7 and so on"), HasSubstr("declares a header of"));
}

TEST_F(Safetensors, A17_HostileNames) {
  auto header = [](const std::string& name) {
    return "{\"" + name + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  };
  for (const char* name :
       {"a\\u0000b", "a\\n[error] forged", "\\u001b[2J", "\\u202egnp.exe", "\\u007f", "x\\ufeff", "\\u0085"})
    EXPECT_THAT(refused_header(header(name)), HasSubstr("control or invisible characters"));
  EXPECT_THAT(refused_header(header(std::string(1 << 20, 'n'))), HasSubstr("of more than 2048 bytes"));
  EXPECT_THAT(refused_header("{\"a\nb\":{}}"), HasSubstr("control character in a string"));
  // A name is a key and never a path, so this one is as good as another; no model binds it.
  EXPECT_NE(SafetensorsFile(folder.write("p", file_of(header("../../etc/passwd")))).find("../../etc/passwd"),
            nullptr);
}

TEST_F(Safetensors, A19_AFileCutShortWhileItIsRead) {
  TensorMap tensors;
  tensors["w"] = HostTensor(DType::u8, {1 << 16});
  const fs::path path = folder.path() / "cut.safetensors";
  save_safetensors(path, tensors);
  const SafetensorsFile file(path);
  fs::resize_file(path, 4096);
  std::vector<char> out(1 << 16);
  try {
    file.read(*file.find("w"), out.data());
    FAIL() << "read bytes that are not there";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("cut.safetensors"), HasSubstr("ends at byte 4096")));
  }
}

TEST_F(Safetensors, A20_AFileReplacedAfterItsCheck) {
  TensorMap first, second;
  first["w"] = HostTensor::from_f32({2}, std::vector<float>{1, 2});
  second["other"] = HostTensor::from_f32({1}, std::vector<float>{9});
  const fs::path path = folder.path() / "x.safetensors";
  save_safetensors(path, first);
  const SafetensorsFile file(path);
  save_safetensors(path, second);
  EXPECT_EQ(file.load(*file.find("w")).f32()[1], 2);  // still the file that was checked
  EXPECT_NE(SafetensorsFile(path).find("other"), nullptr);
}

TEST_F(Safetensors, I3_WhatIsNoRegularFile) {
  EXPECT_THROW(SafetensorsFile("/dev/zero"), InputError);
  EXPECT_THROW(SafetensorsFile(folder.path()), InputError);
  EXPECT_THROW(SafetensorsFile("/proc/self/mem"), InputError);
  EXPECT_THROW(SafetensorsFile(folder.path() / "missing"), InputError);
}

TEST_F(Safetensors, ReadsOnManyThreads) {
  TensorMap tensors;
  std::vector<float> values(10'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  tensors["w"] = HostTensor::from_f32({10'000}, values);
  const fs::path path = folder.path() / "x.safetensors";
  save_safetensors(path, tensors);
  const SafetensorsFile file(path);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (uint64_t i = t; i < 10'000; i += 8) {
        float value = -1;
        file.read_part(*file.find("w"), 4 * i, 4, &value);
        wrong[t] += value != static_cast<float>(i);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int count : wrong) EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace zoetrope
