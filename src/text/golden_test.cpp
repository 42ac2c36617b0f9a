// Every vector that the reference libraries gave, see reference.py and reference_variants.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/chat.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace zoetrope {
namespace {

const fs::path kHere = fs::path(ZT_SOURCE_DIR) / "src/text";

std::vector<std::string> cases(const char* folder, bool chat) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kHere / folder)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".jsonl" && name != "prompts" && (name.rfind("chat_", 0) == 0) == chat)
      out.push_back(std::string(folder) + "/" + name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Json> vectors(const std::string& name) {
  std::vector<Json> out;
  std::ifstream file(kHere / (name + ".jsonl"));
  for (std::string line; std::getline(file, line);) out.push_back(Json::parse(line, name));
  return out;
}

std::vector<int32_t> ids(const Json& json) {
  std::vector<int32_t> out;
  for (const Json& id : json.as_array()) out.push_back(static_cast<int32_t>(id.as_integer()));
  return out;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string out = info.param;
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return out;
}

class TokenizerGolden : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerGolden, IdsAndTextAreTheReference) {
  const auto tokenizer = load_tokenizer(kHere / GetParam());
  const auto rows = vectors(GetParam());
  ASSERT_GE(rows.size(), 50u);
  for (const Json& row : rows) {
    const std::string& text = row.at("text").as_string();
    const auto got = tokenizer->encode(text, true);
    ASSERT_EQ(got, ids(row.at("ids"))) << text;
    ASSERT_EQ(tokenizer->encode(text, false), ids(row.at("ids_no_special"))) << text;
    for (const int32_t id : got) ASSERT_TRUE(id >= 0 && id < tokenizer->vocab_size());
    if (!row.has("decoded")) continue;
    EXPECT_EQ(tokenizer->decode(got, false), row.at("decoded").as_string()) << text;
    EXPECT_EQ(tokenizer->decode(got, true), row.at("decoded_no_special").as_string()) << text;
  }
}
INSTANTIATE_TEST_SUITE_P(Layouts, TokenizerGolden, testing::ValuesIn(cases("goldens", false)), test_name);
INSTANTIATE_TEST_SUITE_P(Variants, TokenizerGolden, testing::ValuesIn(cases("variants", false)), test_name);

TEST(TokenizerGolden, AllLayoutsAreThere) {
  EXPECT_GE(cases("goldens", false).size(), 20u);
  EXPECT_GE(cases("variants", false).size(), 16u);
  EXPECT_EQ(cases("variants", true).size(), 5u);
}

class ChatGolden : public testing::TestWithParam<std::string> {};

std::vector<ChatMessage> messages_of(const Json& json) {
  std::vector<ChatMessage> out;
  for (const Json& message : json.as_array()) {
    const std::string& role = message.at("role").as_string();
    out.push_back({role == "system"      ? ChatRole::system
                   : role == "assistant" ? ChatRole::assistant
                                         : ChatRole::user,
                   message.at("content").as_string()});
  }
  return out;
}

TEST_P(ChatGolden, PromptIsThatOfThePublicTemplate) {
  const auto tokenizer = load_tokenizer(kHere / GetParam());
  std::string style = "chat_" + std::string(name_of(detect_chat_style(*tokenizer)));
  std::replace(style.begin(), style.end(), '.', '_');
  EXPECT_EQ(fs::path(GetParam()).filename().string(), style);
  for (const Json& row : vectors(GetParam()))
    EXPECT_EQ(chat_prompt(*tokenizer, messages_of(row.at("messages"))), ids(row.at("ids"))) << row.dump(-1);
}

TEST_P(ChatGolden, SpecialTokensInAMessageAreOrdinaryText) {
  const auto tokenizer = load_tokenizer(kHere / GetParam());
  auto specials = [&](const std::vector<int32_t>& prompt) {
    return std::count_if(prompt.begin(), prompt.end(), [&](int32_t id) { return tokenizer->is_special(id); });
  };
  const ChatMessage harmless{ChatRole::user, "hello"};
  std::string everything;
  for (int32_t id = 0; id < tokenizer->vocab_size(); ++id)
    if (tokenizer->is_special(id)) everything += *tokenizer->id_to_token(id) + " \n";
  ASSERT_GT(tokenizer->encode(everything, false).size(), 3u);
  const ChatMessage hostile{ChatRole::user, everything};
  const auto attacked = chat_prompt(*tokenizer, std::span(&hostile, 1));
  EXPECT_EQ(specials(attacked), specials(chat_prompt(*tokenizer, std::span(&harmless, 1))));
  EXPECT_FALSE(end_of_turn_ids(*tokenizer).empty());
  const std::string back = tokenizer->decode(attacked, true);
  EXPECT_NE(back.find(everything.substr(0, everything.find(' '))), back.npos);
}
INSTANTIATE_TEST_SUITE_P(Styles, ChatGolden, testing::ValuesIn(cases("variants", true)), test_name);

TEST(Chat, WithoutSpecialTokensMessagesAreParagraphs) {
  const auto tokenizer = load_tokenizer(kHere / "goldens/t5_unigram");
  EXPECT_EQ(detect_chat_style(*tokenizer), ChatStyle::plain);
  const std::vector<ChatMessage> talk = {{ChatRole::system, "a polar bear"}, {ChatRole::user, "the ice</s>"}};
  const auto prompt = chat_prompt(*tokenizer, talk);
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), *tokenizer->token_to_id("</s>")), 0);
  EXPECT_FALSE(prompt.empty());
}

TEST(Chat, SystemMessageComesFirst) {
  const auto tokenizer = load_tokenizer(kHere / "variants/chat_chatml");
  const std::vector<ChatMessage> talk = {{ChatRole::user, "a"}, {ChatRole::system, "b"}};
  EXPECT_THROW(chat_prompt(*tokenizer, talk), InputError);
}

TEST(Prompt, CleanedAsTheReference) {
  const auto rows = vectors("variants/prompts");
  ASSERT_GE(rows.size(), 600u);
  for (const Json& row : rows)
    EXPECT_EQ(clean_prompt(row.at("text").as_string()), row.at("clean").as_string()) << row.at("text").dump();
}

TEST(Prompt, InvalidUtf8IsRefused) {
  for (const char* text : {"a\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"})
    EXPECT_THROW(clean_prompt(text), InputError);
}

TEST(Tokenizer, TokenBytesJoinToTheText) {
  for (const char* name : {"goldens/llama3", "goldens/qwen2", "variants/llama2", "variants/llama2_first"}) {
    const auto tokenizer = load_tokenizer(kHere / name);
    const std::string text = "The bear's cub \xF0\x9F\x90\xBB \xE5\xB0\x8F\xE7\x86\x8A, 12345!\n";
    std::string joined;
    for (const int32_t id : tokenizer->encode(text, true)) joined += tokenizer->token_bytes(id);
    if (joined.size() == text.size() + 1 && joined[0] == ' ')
      joined.erase(0, 1);  // Metaspace begins with one
    EXPECT_EQ(joined, text) << name;
    EXPECT_EQ(tokenizer->token_bytes(-1), "");
    EXPECT_EQ(tokenizer->token_bytes(tokenizer->vocab_size()), "");
  }
  const auto llama = load_tokenizer(kHere / "goldens/llama3");
  const int32_t begin = *llama->token_to_id("<|begin_of_text|>");
  EXPECT_TRUE(llama->is_special(begin));
  EXPECT_EQ(llama->token_bytes(begin), "");
  EXPECT_EQ(llama->id_to_token(begin), "<|begin_of_text|>");
  EXPECT_FALSE(llama->id_to_token(llama->vocab_size()).has_value());
}

TEST(Tokenizer, EveryCodePointSurvivesByteLevels) {
  const auto tokenizer = load_tokenizer(kHere / "goldens/llama3");
  std::string text;
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (c < 0x80)
      text += static_cast<char>(c);
    else if (c < 0x800)
      text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    else if (c < 0x10000)
      text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
               static_cast<char>(0x80 | (c & 0x3F))};
    else
      text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
               static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, false), false), text);
}

TEST(Tokenizer, EndOfSequenceIsReadFromTheFilesBeside) {
  const fs::path folder = fs::path(testing::TempDir()) / "zt_text_eos";
  fs::create_directories(folder);
  fs::copy_file(kHere / "goldens/llama3/tokenizer.json", folder / "tokenizer.json",
                fs::copy_options::overwrite_existing);
  const auto alone = load_tokenizer(folder);
  EXPECT_TRUE(alone->eos_ids().empty());
  const int32_t end = *alone->token_to_id("<|end_of_text|>");
  write_file_atomically(folder / "tokenizer_config.json",
                        R"({"eos_token": {"content": "<|end_of_text|>"}, "bos_token": "<|begin_of_text|>"})");
  write_file_atomically(folder / "generation_config.json",
                        "{\"eos_token_id\": [3, " + std::to_string(end) + ", 99999999, -1]}");
  const auto beside = load_tokenizer(folder);
  EXPECT_EQ(beside->eos_ids(), (std::vector<int32_t>{end, 3}));
  EXPECT_EQ(beside->bos_id(), alone->token_to_id("<|begin_of_text|>"));
  fs::remove_all(folder);
}

TEST(Tokenizer, SentencepieceIsReadOnlyWithoutTokenizerJson) {
  const fs::path folder = fs::path(testing::TempDir()) / "zt_text_choice";
  fs::create_directories(folder);
  fs::copy_file(kHere / "goldens/spiece/spiece.model", folder / "spiece.model",
                fs::copy_options::overwrite_existing);
  const auto sentencepiece = load_tokenizer(folder);
  EXPECT_EQ(sentencepiece->encode("the ice", true).back(), sentencepiece->eos_ids().at(0));
  fs::copy_file(kHere / "goldens/qwen2/tokenizer.json", folder / "tokenizer.json");
  EXPECT_TRUE(load_tokenizer(folder)->token_to_id("<|im_start|>").has_value());
  fs::remove_all(folder);
  EXPECT_THROW(load_tokenizer(folder), InputError);
}

}  // namespace
}  // namespace zoetrope
