#include "text/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include "base/error.h"
#include "text/piece.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581 stands for a space

class SentencepieceTokenizer : public Tokenizer {
 public:
  SentencepieceTokenizer(const std::string& bytes, const std::string& name, const SentencepieceEnds& ends)
      : name_(name), ends_(ends) {
    check_sentencepiece(bytes, name);
    try {
      const auto status = model_.LoadFromSerializedProto(bytes);
      if (!status.ok())
        throw InputError("libsentencepiece refuses it: " + printable(status.message(), 300), name);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const Error&) {
      throw;
    } catch (const std::exception& problem) {
      throw InputError("libsentencepiece refuses it: " + printable(problem.what(), 300), name);
    }
    if (ends_.bos && model_.bos_id() < 0) ends_.bos = false;
    if (ends_.eos && model_.eos_id() < 0) ends_.eos = false;
    if (model_.bos_id() >= 0) bos_id_ = model_.bos_id();
    if (model_.eos_id() >= 0) eos_ids_.push_back(model_.eos_id());
  }

  using Tokenizer::encode;
  std::vector<int32_t> encode(std::span<const TextSegment> segments, bool add_special) const override {
    std::string text;
    for (const TextSegment& segment : segments) {
      if (text.size() + segment.text.size() > kMostTextBytes)
        throw InputError("the text is longer than 64 MiB", {}, "shorten the text");
      text += segment.text;
    }
    require_utf8(text, "text");
    require_short_words(text);
    std::vector<int> ids;
    const auto status = model_.Encode(text, &ids);
    if (!status.ok())
      throw InputError("the text can't be tokenized: " + printable(status.message(), 300), name_);
    std::vector<int32_t> out;
    out.reserve(ids.size() + 2);
    if (add_special && ends_.bos) out.push_back(model_.bos_id());
    out.insert(out.end(), ids.begin(), ids.end());
    if (add_special && ends_.eos) out.push_back(model_.eos_id());
    return out;
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special) const override {
    std::string out;
    std::vector<int> run;
    auto flush = [&] {
      std::string text;
      if (!run.empty() && model_.Decode(run, &text).ok()) out += text;
      run.clear();
    };
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab_size()) continue;
      if (!is_special(id)) {
        run.push_back(id);
      } else if (!skip_special) {
        flush();
        out += model_.IdToPiece(id);
      }
    }
    flush();
    return lossy_utf8(out);
  }

  int32_t vocab_size() const override { return model_.GetPieceSize(); }

  std::optional<int32_t> token_to_id(std::string_view token) const override {
    const int id = model_.PieceToId(token);
    if (id < 0 || id >= vocab_size() || model_.IdToPiece(id) != token) return std::nullopt;
    return id;
  }

  std::optional<std::string> id_to_token(int32_t id) const override {
    if (id < 0 || id >= vocab_size()) return std::nullopt;
    return model_.IdToPiece(id);
  }

  std::string token_bytes(int32_t id) const override {
    if (id < 0 || id >= vocab_size() || is_special(id)) return "";
    const std::string& piece = model_.IdToPiece(id);
    if (model_.IsByte(id)) {
      if (piece.size() != 6) return "";
      return std::string(1, static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));
    }
    std::string out;
    for (size_t i = 0; i < piece.size();) {
      const bool space = piece.compare(i, kSpace.size(), kSpace) == 0;
      out += space ? ' ' : piece[i];
      i += space ? kSpace.size() : 1;
    }
    return out;
  }

  bool is_special(int32_t id) const override {
    return id >= 0 && id < vocab_size() && (model_.IsControl(id) || model_.IsUnknown(id));
  }

 private:
  // libsentencepiece takes time with the square of a run of unknown characters: 30 seconds for a megabyte.
  static void require_short_words(const std::string& text) {
    constexpr size_t kMostWord = 16u << 10;
    size_t begin = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ' ' || text[i] == '\n') begin = i + 1;
      if (i >= begin + kMostWord)
        throw InputError("the text has a word of more than 16 KiB", {},
                         "shorten it, or put a tokenizer.json beside the sentencepiece model");
    }
  }

  sentencepiece::SentencePieceProcessor model_;
  std::string name_;
  SentencepieceEnds ends_;
};

}  // namespace

std::unique_ptr<Tokenizer> parse_sentencepiece(const std::string& bytes, const std::string& name,
                                               const SentencepieceEnds& ends) {
  return std::make_unique<SentencepieceTokenizer>(bytes, name, ends);
}

}  // namespace zoetrope
