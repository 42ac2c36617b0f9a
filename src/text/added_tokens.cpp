#include "text/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

constexpr size_t kMostTokenBytes = 1024;

// Where the white space before `end` begins, at `least` or behind it.
uint32_t space_before(std::string_view text, uint32_t end, uint32_t least) {
  while (end > least) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    size_t after = begin;
    if (!is_white_space(next_code_point(text, after))) break;
    end = static_cast<uint32_t>(begin);
  }
  return std::max(end, least);
}

uint32_t space_after(std::string_view text, uint32_t begin) {
  while (begin < text.size()) {
    size_t after = begin;
    if (!is_white_space(next_code_point(text, after))) break;
    begin = static_cast<uint32_t>(after);
  }
  return begin;
}

bool word_before(std::string_view text, uint32_t end) {
  if (end == 0) return false;
  size_t begin = end - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  return is_word(next_code_point(text, begin));
}

bool word_after(std::string_view text, uint32_t begin) {
  size_t at = begin;
  return at < text.size() && is_word(next_code_point(text, at));
}

bool overlaps(const std::vector<Span32>& spans, uint32_t begin, uint32_t end) {
  auto it = std::upper_bound(spans.begin(), spans.end(), begin,
                             [](uint32_t at, const Span32& span) { return at < span.end; });
  return it != spans.end() && it->begin < end;
}

}  // namespace

AddedTokens::Token AddedTokens::read(const Json& json) const {
  Token token;
  token.content = json.at("content").as_string();
  if (token.content.empty()) throw InputError("an added token has no content", json.where());
  if (token.content.size() > kMostTokenBytes)
    throw InputError("an added token is longer than 1,024 bytes", json.where());
  const int64_t id = json.at("id").as_integer();
  if (id < 0 || id > INT32_MAX)
    throw InputError(
        fmt::format("the id {} of added token '{}' is out of range", id, printable(token.content, 60)),
        json.where());
  token.id = static_cast<int32_t>(id);
  token.single_word = json.at("single_word").as_bool();
  token.lstrip = json.at("lstrip").as_bool();
  token.rstrip = json.at("rstrip").as_bool();
  token.normalized = json.at("normalized").as_bool();
  token.special = json.at("special").as_bool();
  const std::string_view text = token.content;
  token.guarded =
      token.special || (text.size() > 4 && text.substr(0, 2) == "<|" && text.substr(text.size() - 2) == "|>");
  token.normal_form = token.content;
  if (token.normalized && normalizer_) {
    NormalText form{token.content, 0};
    normalizer_->apply(form);
    token.normal_form = std::move(form.text);
  }
  return token;
}

AddedTokens::AddedTokens(const Json* list, const Vocabulary& vocabulary, const Normalizer* normalizer)
    : normalizer_(normalizer), vocab_size_(vocabulary.size()) {
  if (!list || list->is_null()) return;
  tokens_.reserve(list->as_array().size());
  const int64_t most = int64_t{vocabulary.size()} + static_cast<int64_t>(list->as_array().size());
  std::unordered_set<int32_t> written;
  for (const Json& json : list->as_array()) {
    Token token = read(json);
    const std::string shown = printable(token.content, 60);
    const auto wrong = [&](std::string_view why) {
      return InputError(fmt::format("added token '{}' has id {}: {}", shown, token.id, why), json.where(),
                        "list added tokens by rising id, without gaps, behind the vocabulary");
    };
    if (token.id >= most)
      throw wrong(fmt::format("out of range, all tokens together have the ids 0 to {}", most - 1));
    if (!written.insert(token.id).second) throw wrong("another added token has it as well");
    const int32_t known = vocabulary.find(token.content);
    const int32_t id = known >= 0 ? known : vocab_size_++;
    if (id != token.id)
      log_warning("{}: added token '{}' has id {} in the file, but counts as {}, as in the reference",
                  json.where(), shown, token.id, id);
    token.id = id;
    tokens_.push_back(std::move(token));
    const size_t at = tokens_.size() - 1;
    if (!by_content_.emplace(tokens_[at].content, at).second)
      throw InputError(fmt::format("added token '{}' is listed twice", shown), json.where());
    by_id_.emplace(id, at);
  }
  check_forms(*list);
  std::vector<std::string_view> contents, forms;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    contents.push_back(tokens_[i].content);
    if (!tokens_[i].normalized) continue;
    forms.push_back(tokens_[i].normal_form);
    normalized_tokens_.push_back(static_cast<uint32_t>(i));
  }
  raw_ = PrefixIndex(contents);
  normalized_ = PrefixIndex(forms);
}

void AddedTokens::check_forms(const Json& list) const {
  std::unordered_set<std::string_view> seen;
  for (const Token& token : tokens_) {
    if (!token.normalized) continue;
    if (token.normal_form.empty())
      throw InputError(
          fmt::format("the normalizer leaves nothing of added token '{}'", printable(token.content, 60)),
          list.where(), "set its \"normalized\" to false");
    if (!seen.insert(token.normal_form).second)
      throw InputError(fmt::format("the normalizer makes added token '{}' the same as another",
                                   printable(token.content, 60)),
                       list.where(), "set its \"normalized\" to false");
  }
}

std::vector<AddedTokens::Found> AddedTokens::find_in(std::string_view text, const PrefixIndex& index,
                                                     const std::vector<Span32>& untrusted, bool raw) const {
  std::vector<Found> out;
  uint32_t done = 0;
  for (uint32_t at = 0; at < text.size();) {
    uint32_t length = 0;
    size_t chosen = 0;
    index.walk(text.substr(at), [&](size_t bytes, uint32_t k) {
      const size_t which = raw ? k : normalized_tokens_[k];
      const Token& token = tokens_[which];
      const bool unsafe = overlaps(untrusted, at, at + static_cast<uint32_t>(bytes));
      if (token.guarded && unsafe) return;
      // A template's own marks count at once, even where they would only be looked for after normalization.
      if (raw && token.normalized && (!token.guarded || untrusted.empty())) return;
      length = static_cast<uint32_t>(bytes);
      chosen = which;
    });
    if (length == 0) {
      ++at;
      continue;
    }
    const Token& token = tokens_[chosen];
    uint32_t begin = at, end = at + length;
    at = end;
    if (token.single_word && (word_before(text, begin) || word_after(text, end))) continue;
    if (token.lstrip) begin = space_before(text, begin, done);
    if (token.rstrip) end = space_after(text, end);
    if (done < begin) out.push_back({done, begin, -1});
    // White space that a token before has taken in already counts once.
    if (begin < end) out.push_back({begin, end, static_cast<int32_t>(chosen)});
    done = std::max(done, end);
  }
  if (done < text.size()) out.push_back({done, static_cast<uint32_t>(text.size()), -1});
  return out;
}

PieceList AddedTokens::extract(std::span<const TextSegment> segments) const {
  std::string text;
  std::vector<Span32> untrusted;
  for (const TextSegment& segment : segments) {
    const size_t begin = text.size();
    if (begin + segment.text.size() > kMostTextBytes)
      throw InputError("the text is longer than 64 MiB", {}, "shorten the text");
    text += segment.text;
    if (!segment.trusted && !segment.text.empty())
      untrusted.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(text.size())});
  }
  require_utf8(text, "text");
  PieceList list;
  if (text.empty()) return list;
  Piece whole;
  whole.end = static_cast<uint32_t>(text.size());
  whole.lead = static_cast<uint32_t>(utf8_length(text[0]));
  for (const Found& found : find_in(text, raw_, untrusted, true)) {
    const size_t base = list.text.size();
    if (found.token >= 0) {
      Piece piece;
      piece.begin = static_cast<uint32_t>(base);
      list.text.append(text, found.begin, found.end - found.begin);
      piece.end = static_cast<uint32_t>(list.text.size());
      piece.token = tokens_[static_cast<size_t>(found.token)].id;
      list.pieces.push_back(piece);
      continue;
    }
    NormalText part{text.substr(found.begin, found.end - found.begin), found.begin == 0 ? whole.lead : 0u};
    if (normalizer_) normalizer_->apply(part);
    require_stage_size(list.text.size() + part.text.size(), "normalizer");
    std::vector<Span32> unsafe;
    if (overlaps(untrusted, found.begin, found.end))
      unsafe.push_back({0, static_cast<uint32_t>(part.text.size())});
    Piece source;
    source.begin = static_cast<uint32_t>(base);
    source.lead = static_cast<uint32_t>(part.lead);
    source.guarded = !unsafe.empty();
    for (const Found& inner : find_in(part.text, normalized_, unsafe, false)) {
      const size_t before = list.pieces.size();
      push_cut(list.pieces, source, inner.begin, inner.end);
      if (inner.token >= 0 && list.pieces.size() > before)
        list.pieces.back().token = tokens_[static_cast<size_t>(inner.token)].id;
    }
    list.text += part.text;
  }
  return list;
}

std::vector<int32_t> AddedTokens::guarded_ids() const {
  std::vector<int32_t> out;
  for (const Token& token : tokens_)
    if (token.guarded) out.push_back(token.id);
  return out;
}

int32_t AddedTokens::find(std::string_view content) const {
  auto it = by_content_.find(content);
  return it == by_content_.end() ? -1 : tokens_[it->second].id;
}

const std::string* AddedTokens::decoded(int32_t id) const {
  auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second].normal_form;
}

bool AddedTokens::is_special(int32_t id) const {
  auto it = by_id_.find(id);
  return it != by_id_.end() && tokens_[it->second].special;
}

}  // namespace zoetrope
