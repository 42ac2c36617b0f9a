// Byte pair encoding: a piece is cut into characters, then the neighbouring pair with the lowest rank is
// merged until no pair is in the list. A heap of candidates keeps a piece of n characters at O(n log n).

#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "text/model.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

struct Merge {
  uint64_t pair = ~uint64_t{0};  // left id << 32 | right id
  uint32_t rank = 0;
  int32_t result = 0;
};

// Open addressing over a table at most half full.
class MergeTable {
 public:
  explicit MergeTable(size_t count) {
    size_t size = 16;
    while (size < 2 * count) size *= 2;
    slots_.resize(size);
  }
  void set(const Merge& merge) { slots_[slot(merge.pair)] = merge; }
  const Merge* find(int32_t left, int32_t right) const {
    const uint64_t pair = key(left, right);
    const Merge& found = slots_[slot(pair)];
    return found.pair == pair ? &found : nullptr;
  }
  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

 private:
  size_t slot(uint64_t pair) const {
    uint64_t h = pair * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    size_t i = h & (slots_.size() - 1);
    while (slots_[i].pair != pair && slots_[i].pair != ~uint64_t{0}) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  std::vector<Merge> slots_;
};

struct Options {
  std::string unk_token, continuing_prefix, end_suffix;
  bool has_unk = false, fuse_unk = false, byte_fallback = false, ignore_merges = false;
};

class Bpe : public TokenModel {
 public:
  Bpe(std::vector<std::string> tokens, Options options, std::string where)
      : vocabulary_(std::move(tokens)), options_(std::move(options)), merges_(0), where_(std::move(where)) {
    unk_ = options_.has_unk ? vocabulary_.find(options_.unk_token) : -1;
    const auto& bytes = vocabulary_.byte_tokens();
    has_bytes_ = std::any_of(bytes.begin(), bytes.end(), [](int32_t id) { return id >= 0; });
  }

  void set_merges(const Json& json);
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void guard(const std::vector<int32_t>& ids) override { vocabulary_.guard(ids); }

  void encode(const PieceList& list, std::vector<int32_t>& out) const override {
    Work work;
    for (const Piece& piece : list.pieces) {
      if (piece.token >= 0) {
        out.push_back(piece.token);
        continue;
      }
      const std::string_view word = list.view(piece);
      if (options_.ignore_merges) {
        if (const int32_t id = vocabulary_.find(word, piece.guarded); id >= 0) {
          out.push_back(id);
          continue;
        }
      }
      work.guarded = piece.guarded;
      encode_word(word, work, out);
    }
  }

 private:
  static constexpr size_t kMostCached = 50'000, kMostCachedBytes = 64;
  struct Symbol {
    int32_t id, previous, next;
    bool alive;
  };
  struct Candidate {
    uint32_t rank;
    int32_t position, result;
    bool operator<(const Candidate& other) const {  // the heap's top is the smallest
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  struct Work {
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::string buffer;
    bool guarded = false;  // the word at hand, see Piece
    // Words seen in this text, for either kind.
    std::unordered_map<std::string_view, std::vector<int32_t>> caches[2];
  };

  void encode_word(std::string_view word, Work& work, std::vector<int32_t>& out) const {
    const bool cached = word.size() <= kMostCachedBytes;
    auto& cache = work.caches[work.guarded ? 1 : 0];
    if (cached) {
      if (auto it = cache.find(word); it != cache.end()) {
        out.insert(out.end(), it->second.begin(), it->second.end());
        return;
      }
    }
    work.symbols.clear();
    cut(word, work);
    merge(work);
    const size_t begin = out.size();
    for (const Symbol& symbol : work.symbols)
      if (symbol.alive) out.push_back(symbol.id);
    if (cached && cache.size() < kMostCached)
      cache.emplace(word, std::vector<int32_t>(out.begin() + static_cast<ptrdiff_t>(begin), out.end()));
  }

  static void add(Work& work, int32_t id) {
    const auto position = static_cast<int32_t>(work.symbols.size());
    if (position > 0) work.symbols.back().next = position;
    work.symbols.push_back({id, position - 1, -1, true});
  }

  void cut(std::string_view word, Work& work) const {
    bool unknown = false;  // an unknown token is held back: the next may be fused with it
    for (size_t i = 0; i < word.size();) {
      const size_t length = utf8_length(word[i]);
      std::string_view character = word.substr(i, length);
      const bool first = i == 0, last = i + length == word.size();
      i += length;
      if ((!first && !options_.continuing_prefix.empty()) || (last && !options_.end_suffix.empty())) {
        work.buffer.clear();
        if (!first) work.buffer += options_.continuing_prefix;
        work.buffer += character;
        if (last) work.buffer += options_.end_suffix;
        character = work.buffer;
      }
      if (const int32_t id = vocabulary_.find(character, work.guarded); id >= 0) {
        if (unknown) add(work, unk_);
        unknown = false;
        add(work, id);
        continue;
      }
      if (options_.byte_fallback && has_bytes_ && add_bytes(character, work)) continue;
      if (!options_.has_unk) continue;  // the reference drops the character
      if (unk_ < 0)
        throw InputError(
            "the unknown token '" + printable(options_.unk_token, 60) + "' is not in the vocabulary", where_);
      if (unknown && !options_.fuse_unk) add(work, unk_);
      unknown = true;
    }
    if (unknown) add(work, unk_);
  }

  bool add_bytes(std::string_view character, Work& work) const {
    const auto& bytes = vocabulary_.byte_tokens();
    for (const char c : character)
      if (bytes[static_cast<uint8_t>(c)] < 0) return false;
    for (const char c : character) add(work, bytes[static_cast<uint8_t>(c)]);
    return true;
  }

  void offer(Work& work, int32_t left) const {
    const auto& symbols = work.symbols;
    const int32_t right = symbols[static_cast<size_t>(left)].next;
    if (right < 0) return;
    const Merge* merge =
        merges_.find(symbols[static_cast<size_t>(left)].id, symbols[static_cast<size_t>(right)].id);
    if (!merge || !vocabulary_.allows(merge->result, work.guarded)) return;
    work.heap.push_back({merge->rank, left, merge->result});
    std::push_heap(work.heap.begin(), work.heap.end());
  }

  void merge(Work& work) const {
    auto& symbols = work.symbols;
    work.heap.clear();
    for (size_t i = 0; i + 1 < symbols.size(); ++i) offer(work, static_cast<int32_t>(i));
    while (!work.heap.empty()) {
      std::pop_heap(work.heap.begin(), work.heap.end());
      const Candidate top = work.heap.back();
      work.heap.pop_back();
      Symbol& left = symbols[static_cast<size_t>(top.position)];
      if (!left.alive || left.next < 0) continue;
      Symbol& right = symbols[static_cast<size_t>(left.next)];
      const Merge* now = merges_.find(left.id, right.id);
      if (!now || now->result != top.result) continue;  // the pair changed since
      left.id = top.result;
      left.next = right.next;
      right.alive = false;
      if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = top.position;
      if (left.previous >= 0) offer(work, left.previous);
      offer(work, top.position);
    }
  }

  Vocabulary vocabulary_;
  Options options_;
  MergeTable merges_;
  std::string where_;
  int32_t unk_ = -1;
  bool has_bytes_ = false;
};

// "a b" or ["a", "b"]: the two halves.
std::pair<std::string_view, std::string_view> halves(const Json& json, size_t rank,
                                                     const std::string& where) {
  auto wrong = [&] {
    return InputError(fmt::format("merge {} is not two tokens", rank), where,
                      "write it as \"a b\" or as [\"a\", \"b\"]");
  };
  if (json.is_string()) {
    const std::string_view text = json.as_string();
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) throw wrong();
    return {text.substr(0, space), text.substr(space + 1)};
  }
  if (!json.is_array() || json.as_array().size() != 2) throw wrong();
  return {json.as_array()[0].as_string(), json.as_array()[1].as_string()};
}

void Bpe::set_merges(const Json& json) {
  const auto& list = json.as_array();
  merges_ = MergeTable(list.size());
  std::string joined;
  uint32_t rank = 0;
  for (const Json& entry : list) {
    if (entry.is_string() && entry.as_string().rfind("#version", 0) == 0) continue;
    const auto [left, right] = halves(entry, rank, json.where());
    auto id_of = [&](std::string_view token) {
      const int32_t id = vocabulary_.find(token);
      if (id < 0)
        throw InputError(fmt::format("merge {} names the token '{}', which is not in the vocabulary", rank,
                                     printable(token, 60)),
                         json.where());
      return id;
    };
    const size_t prefix = options_.continuing_prefix.size();
    if (left.empty() || right.empty() || right.size() < prefix)
      throw InputError(fmt::format("merge {} has an empty half", rank), json.where());
    joined = left;
    joined += right.substr(prefix);
    merges_.set({MergeTable::key(id_of(left), id_of(right)), rank, id_of(joined)});
    ++rank;
  }
}

std::string optional_text(const Json& json, std::string_view key, bool* there = nullptr) {
  const Json* member = json.find(key);
  const bool has = member && !member->is_null();
  if (there) *there = has;
  return has ? member->as_string() : std::string();
}

}  // namespace

std::unique_ptr<TokenModel> make_bpe(const Json& json) {
  Options options;
  options.unk_token = optional_text(json, "unk_token", &options.has_unk);
  options.continuing_prefix = optional_text(json, "continuing_subword_prefix");
  options.end_suffix = optional_text(json, "end_of_word_suffix");
  options.fuse_unk = json.bool_or("fuse_unk", false);
  options.byte_fallback = json.bool_or("byte_fallback", false);
  options.ignore_merges = json.bool_or("ignore_merges", false);
  if (json.number_or("dropout", 0) != 0)
    throw InputError("dropout makes the ids random", json.at("dropout").where(), "set it to null");
  auto model = std::make_unique<Bpe>(tokens_by_id(json.at("vocab")), std::move(options), json.where());
  model->set_merges(json.at("merges"));
  return model;
}

}  // namespace zoetrope
