// Conversations as the chat models of three families were trained to read them. The family is told by the
// special tokens of the tokenizer; no template from a file is ever executed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace zoetrope {

enum class ChatStyle {
  plain,     // no special tokens known: the messages as paragraphs
  llama3,    // <|start_header_id|>role<|end_header_id|>
  llama3_1,  // the same with a knowledge date in the system message (told by <|eom_id|>)
  chatml,    // <|im_start|>role
  phi3,      // <|user|>
  phi4,      // <|im_start|>role<|im_sep|>
};

enum class ChatRole { system, user, assistant };

struct ChatMessage {
  ChatRole role = ChatRole::user;
  std::string content;  // UTF-8; special tokens in it are spelled out by ordinary ones
};

ChatStyle detect_chat_style(const Tokenizer& tokenizer);
std::string_view name_of(ChatStyle style);

// The ids of the conversation, ready for the assistant's next message. They are those of the families' public
// templates with the generation prompt: Llama 3 (and 3.1 with its fixed date, 26 Jul 2024), Qwen2 (a default
// system message is not added), Phi-3.5, Phi-4. A system message, where there is one, must be the first.
std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, std::span<const ChatMessage> messages);

// Tokens that end the assistant's message, each once: the style's own and the tokenizer's end of sequence.
std::vector<int32_t> end_of_turn_ids(const Tokenizer& tokenizer);

}  // namespace zoetrope
