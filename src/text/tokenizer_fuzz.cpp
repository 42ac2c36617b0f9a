// libFuzzer: any bytes as a tokenizer.json or, where they do not begin with '{', as a sentencepiece model;
// then texts through what comes out. Only an InputError may be thrown.
#include "base/error.h"
#include "text/chat.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer.h"

namespace {

constexpr std::string_view kTexts[] = {
    "",
    "a",
    "The polar bear's cub crosses 12345 steps of ice.\r\n\n  ",
    " \xE2\x96\x81<s></s><|im_start|>user\n\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9 e\xCC\x81\xCC\xA3 "
    "\xEF\xAC\x81",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace zoetrope;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = size > 0 && data[0] == '{' ? parse_tokenizer_json(bytes, "fuzz.json")
                                                      : parse_sentencepiece(bytes, "fuzz.model", {});
    for (const std::string_view text : kTexts) {
      try {
        const auto ids = tokenizer->encode(text, true);
        for (const int32_t id : ids)
          if (id < 0 || id >= tokenizer->vocab_size()) __builtin_trap();
        tokenizer->decode(ids, false);
        for (const int32_t id : ids) tokenizer->token_bytes(id);
        const ChatMessage message{ChatRole::user, std::string(text)};
        chat_prompt(*tokenizer, std::span(&message, 1));
      } catch (const InputError&) {
      }
    }
  } catch (const InputError&) {
  }
  return 0;
}
