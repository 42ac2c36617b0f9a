#include "golden.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "formats/checkpoint.h"
#include "formats/safetensors.h"
#include "runtime/open_device.h"

namespace zoetrope {
namespace {

std::string word_after(const std::string& command, const std::string& flag) {
  const size_t at = command.find(flag + " ");
  if (at == std::string::npos) return {};
  const size_t start = at + flag.size() + 1;
  return command.substr(start, command.find(' ', start) - start);
}

}  // namespace

std::string test_device_name() {
  const char* name = std::getenv("ZOETROPE_TEST_DEVICE");
  return name ? name : "cpu";
}

std::string Golden::part() const { return word_after(command, "--part"); }
int64_t Golden::prefill() const {
  const std::string count = word_after(command, "--prefill");
  return count.empty() ? 0 : std::stoll(count);
}

std::vector<fs::path> golden_folders(const std::string& model) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(fs::path(ZT_SOURCE_DIR) / "models" / model / "goldens"))
    if (fs::exists(entry.path() / "out.safetensors")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

Golden read_golden(const fs::path& folder) {
  Golden golden{.folder = folder};
  golden.inputs = load_safetensors(folder / "in.safetensors");
  golden.outputs = load_safetensors(folder / "out.safetensors");
  const SafetensorsFile file(folder / "out.safetensors");
  const auto& metadata = file.metadata();
  golden.command = metadata.at("command");
  golden.bf16_distance = std::stod(metadata.at("bf16_distance"));
  if (metadata.contains("compare_where")) golden.compare_where = metadata.at("compare_where");
  return golden;
}

ForwardResult run_golden(const Golden& golden, const fs::path& model_folder, ForwardOptions options) {
  const auto device = open_device(test_device_name(), 2);
  const Component component(model_folder);
  options.part = golden.part();
  if (options.prefill == 0) options.prefill = golden.prefill();
  return run_forward(component, golden.inputs, (golden.folder / "in.safetensors").string(), *device, options);
}

double golden_error(const Golden& golden, const TensorMap& outputs) {
  constexpr double kWrong = std::numeric_limits<double>::infinity();
  // Over all outputs joined, as the reference's own distances are.
  double difference = 0, norm = 0;
  HostTensor where;
  if (!golden.compare_where.empty()) where = golden.inputs.at(golden.compare_where).to_f32();
  for (const auto& [name, expected] : golden.outputs) {
    const auto found = outputs.find(name);
    if (found == outputs.end() || !(found->second.shape() == expected.shape())) return kWrong;
    const auto a = found->second.f32(), b = expected.f32();
    const size_t per_place = where.elements() > 0 ? b.size() / static_cast<size_t>(where.elements()) : 1;
    for (size_t i = 0; i < b.size(); ++i) {
      if (!golden.compare_where.empty() && where.f32()[i / per_place] == 0) continue;
      if (!std::isfinite(a[i])) return kWrong;
      difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
      norm += std::pow(static_cast<double>(b[i]), 2);
    }
  }
  return norm > 0 ? std::sqrt(difference / norm) : kWrong;
}

ChangedModel::ChangedModel(const Golden& golden,
                           const std::function<void(const std::string&, HostTensor&)>& change) {
  static std::atomic<int> count{0};
  folder_ = fs::temp_directory_path() /
            ("zoetrope_golden_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
  make_folder(folder_);
  fs::copy_file(fs::canonical(golden.folder / "config.json"), folder_ / "config.json");
  const Checkpoint checkpoint = Checkpoint::open(golden.folder);
  TensorMap tensors;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    HostTensor wide = checkpoint.load(tensor).to_f32();
    change(tensor.name(), wide);
    tensors.emplace(tensor.name(), std::move(wide));
  }
  save_safetensors(folder_ / "model.safetensors", tensors);
}

ChangedModel::~ChangedModel() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> weight_names(const Golden& golden) {
  std::vector<std::string> names;
  const Checkpoint checkpoint = Checkpoint::open(golden.folder);
  for (const CheckpointTensor& tensor : checkpoint.tensors()) names.push_back(tensor.name());
  return names;
}

}  // namespace zoetrope
