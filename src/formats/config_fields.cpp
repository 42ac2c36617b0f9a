#include "formats/config_fields.h"

#include "base/error.h"

namespace zoetrope {
namespace {

int64_t bounded(const Json& config, std::string_view key, int64_t fallback, int64_t most) {
  const int64_t value = config.integer_or(key, fallback);
  if (value >= 1 && value <= most) return value;
  throw InputError("must be between 1 and " + std::to_string(most), config.at(key).where());
}

}  // namespace

int64_t positive_field(const Json& config, std::string_view key, int64_t fallback) {
  return bounded(config, key, fallback, int64_t{1} << 24);
}

int64_t layer_count(const Json& config, std::string_view key, int64_t fallback) {
  return bounded(config, key, fallback, 1024);
}

}  // namespace zoetrope
