// The public templates: meta-llama/Meta-Llama-3-8B-Instruct, meta-llama/Llama-3.1-8B-Instruct,
// Qwen/Qwen2-7B-Instruct, microsoft/Phi-3.5-mini-instruct, microsoft/phi-4 (tokenizer_config.json,
// "chat_template").

#include "text/chat.h"

#include <algorithm>
#include <deque>

#include "base/error.h"
#include "text/prompt.h"

namespace zoetrope {
namespace {

std::string_view role_name(ChatRole role) {
  return role == ChatRole::system ? "system" : role == ChatRole::user ? "user" : "assistant";
}

bool has(const Tokenizer& tokenizer, std::string_view token) {
  return tokenizer.token_to_id(token).has_value();
}

// Collects the segments of a prompt; owns the texts that were made on the way.
class PromptWriter {
 public:
  void mark(std::string_view text) { segments_.push_back({keep(std::string(text)), true}); }
  void content(std::string text) { segments_.push_back({keep(std::move(text)), false}); }
  std::span<const TextSegment> segments() const { return segments_; }

 private:
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }
  std::deque<std::string> kept_;
  std::vector<TextSegment> segments_;
};

void write_llama3(PromptWriter& out, std::span<const ChatMessage> messages, bool dated) {
  out.mark("<|begin_of_text|>");
  auto header = [&](std::string_view role) {
    out.mark("<|start_header_id|>");
    out.mark(role);
    out.mark("<|end_header_id|>");
    out.mark("\n\n");
  };
  if (dated) {
    const bool has_system = !messages.empty() && messages[0].role == ChatRole::system;
    header("system");
    out.mark("Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n");
    if (has_system) {
      out.content(strip_white_space(messages[0].content));
      messages = messages.subspan(1);
    }
    out.mark("<|eot_id|>");
  }
  for (const ChatMessage& message : messages) {
    header(role_name(message.role));
    out.content(strip_white_space(message.content));
    out.mark("<|eot_id|>");
  }
  header("assistant");
}

void write_chatml(PromptWriter& out, std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    out.mark("<|im_start|>");
    out.mark(std::string(role_name(message.role)) + "\n");
    out.content(message.content);
    out.mark("<|im_end|>");
    out.mark("\n");
  }
  out.mark("<|im_start|>");
  out.mark("assistant\n");
}

void write_phi4(PromptWriter& out, std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    out.mark("<|im_start|>");
    out.mark(role_name(message.role));
    out.mark("<|im_sep|>");
    out.content(message.content);
    out.mark("<|im_end|>");
  }
  for (std::string_view part : {"<|im_start|>", "assistant", "<|im_sep|>"}) out.mark(part);
}

void write_phi3(PromptWriter& out, std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    if (message.role == ChatRole::system && message.content.empty()) continue;
    out.mark("<|" + std::string(role_name(message.role)) + "|>");
    out.mark("\n");
    out.content(message.content);
    out.mark("<|end|>");
    out.mark("\n");
  }
  out.mark("<|assistant|>");
  out.mark("\n");
}

void write_plain(PromptWriter& out, std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    out.content(message.content);
    out.mark("\n\n");
  }
}

}  // namespace

ChatStyle detect_chat_style(const Tokenizer& tokenizer) {
  auto all = [&](std::initializer_list<std::string_view> tokens) {
    return std::all_of(tokens.begin(), tokens.end(), [&](auto token) { return has(tokenizer, token); });
  };
  if (all({"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}))
    return has(tokenizer, "<|eom_id|>") ? ChatStyle::llama3_1 : ChatStyle::llama3;
  if (all({"<|im_start|>", "<|im_sep|>", "<|im_end|>"})) return ChatStyle::phi4;
  if (all({"<|im_start|>", "<|im_end|>"})) return ChatStyle::chatml;
  if (all({"<|user|>", "<|assistant|>", "<|end|>"})) return ChatStyle::phi3;
  return ChatStyle::plain;
}

std::string_view name_of(ChatStyle style) {
  switch (style) {
    case ChatStyle::plain:
      return "plain";
    case ChatStyle::llama3:
      return "llama3";
    case ChatStyle::llama3_1:
      return "llama3.1";
    case ChatStyle::chatml:
      return "chatml";
    case ChatStyle::phi3:
      return "phi3";
    case ChatStyle::phi4:
      return "phi4";
  }
  throw InternalError("unknown chat style");
}

std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) {
  for (size_t i = 1; i < messages.size(); ++i)
    if (messages[i].role == ChatRole::system)
      throw InputError("a system message is not the first", "message " + std::to_string(i + 1));
  PromptWriter out;
  const ChatStyle style = detect_chat_style(tokenizer);
  switch (style) {
    case ChatStyle::llama3:
      write_llama3(out, messages, false);
      break;
    case ChatStyle::llama3_1:
      write_llama3(out, messages, true);
      break;
    case ChatStyle::chatml:
      write_chatml(out, messages);
      break;
    case ChatStyle::phi4:
      write_phi4(out, messages);
      break;
    case ChatStyle::phi3:
      write_phi3(out, messages);
      break;
    case ChatStyle::plain:
      write_plain(out, messages);
      break;
  }
  std::vector<int32_t> ids = tokenizer.encode(out.segments(), false);
  // A template says itself what begins the text; without one the tokenizer's own rule holds.
  if (style == ChatStyle::plain && tokenizer.bos_id()) ids.insert(ids.begin(), *tokenizer.bos_id());
  return ids;
}

std::vector<int32_t> end_of_turn_ids(const Tokenizer& tokenizer) {
  std::vector<int32_t> out = tokenizer.eos_ids();
  auto add = [&](std::string_view token) {
    const auto id = tokenizer.token_to_id(token);
    if (id && std::find(out.begin(), out.end(), *id) == out.end()) out.push_back(*id);
  };
  switch (detect_chat_style(tokenizer)) {
    case ChatStyle::llama3:
    case ChatStyle::llama3_1:
      for (std::string_view token : {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"}) add(token);
      break;
    case ChatStyle::chatml:
    case ChatStyle::phi4:
      for (std::string_view token : {"<|im_end|>", "<|endoftext|>"}) add(token);
      break;
    case ChatStyle::phi3:
      for (std::string_view token : {"<|end|>", "<|endoftext|>"}) add(token);
      break;
    case ChatStyle::plain:
      for (std::string_view token : {"</s>", "<|endoftext|>", "<eos>"}) add(token);
      break;
  }
  return out;
}

}  // namespace zoetrope
