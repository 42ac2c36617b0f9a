// libFuzzer: whatever the bytes, reading them as a storyboard gives one that survives a round trip, or an
// Error.
#include <cstdlib>

#include "base/error.h"
#include "story/storyboard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zoetrope;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    Storyboard storyboard = parse_storyboard(text, "fuzz");
    std::string written = to_json(storyboard).dump(2);
    if (!(parse_storyboard(written, "again") == storyboard)) std::abort();
  } catch (const Error&) {
  }
  try {
    std::string idea = clean_idea(text);
    if (clean_idea(idea) != idea) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
