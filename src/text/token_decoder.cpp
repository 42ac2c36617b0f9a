#include "text/token_decoder.h"

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

class ByteLevel : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += byte_level_bytes(token);
    tokens.assign(1, lossy_utf8(bytes));
  }
  std::string bytes_of(std::string token) const override { return byte_level_bytes(token); }
};

class Metaspace : public TokenDecoder {
 public:
  explicit Metaspace(MetaspaceOptions options) : options_(std::move(options)) {}
  void apply(std::vector<std::string>& tokens) const override {
    const bool drops = options_.prepend != MetaspaceOptions::Prepend::never;
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = replaced(tokens[i], i == 0 && drops ? "" : " ");
  }
  std::string bytes_of(std::string token) const override { return replaced(token, " "); }

 private:
  std::string replaced(const std::string& token, std::string_view by) const {
    std::string out;
    for (size_t i = 0; i < token.size();) {
      if (token.compare(i, options_.replacement.size(), options_.replacement) == 0) {
        out += by;
        i += options_.replacement.size();
      } else {
        out += token[i++];
      }
    }
    return out;
  }
  MetaspaceOptions options_;
};

// Tokens "<0x41>" are bytes; neighbouring ones are joined, and become one U+FFFD each where they are no
// UTF-8.
class ByteFallback : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    auto flush = [&] {
      if (bytes.empty()) return;
      if (first_invalid_utf8(bytes) == bytes.npos)
        out.push_back(bytes);
      else
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }
  std::string bytes_of(std::string token) const override {
    const int byte = byte_of(token);
    return byte >= 0 ? std::string(1, static_cast<char>(byte)) : token;
  }

 private:
  static int byte_of(const std::string& token) {
    if (token.size() != 6 || token.compare(0, 3, "<0x") != 0 || token[5] != '>') return -1;
    // The reference parses two hexadecimal digits, or a plus sign and one.
    auto digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    const int high = token[3] == '+' ? 0 : digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

class Fuse : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string out;
    for (const std::string& token : tokens) out += token;
    tokens.assign(1, std::move(out));
  }
  std::string bytes_of(std::string token) const override { return token; }
};

// Up to `start` and `stop` characters off the ends of every token, as far as they are `content`.
class Strip : public TokenDecoder {
 public:
  Strip(std::string content, int64_t start, int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    const size_t width = content_.size();
    for (std::string& token : tokens) {
      size_t begin = 0, end = token.size();
      for (int64_t i = 0; i < start_ && token.compare(begin, width, content_) == 0; ++i) begin += width;
      for (int64_t i = 0; i < stop_ && end >= width && token.compare(end - width, width, content_) == 0; ++i)
        end -= width;
      token = begin < end ? token.substr(begin, end - begin) : std::string();
    }
  }
  std::string bytes_of(std::string token) const override { return token; }

 private:
  std::string content_;
  int64_t start_, stop_;
};

class Replace : public TokenDecoder {
 public:
  Replace(Regex pattern, std::string content, std::string where)
      : pattern_(std::move(pattern)), content_(std::move(content)), where_(std::move(where)) {}
  void apply(std::vector<std::string>& tokens) const override {
    size_t total = 0;
    for (std::string& token : tokens) {
      token = replaced(token);
      require_stage_size(total += token.size(), where_);
    }
  }
  std::string bytes_of(std::string token) const override {
    return first_invalid_utf8(token) == token.npos ? replaced(token) : token;
  }

 private:
  std::string replaced(const std::string& token) const {
    std::string out;
    size_t last = 0;
    for (const auto& [begin, end] : pattern_.find_all(token)) {
      out.append(token, last, begin - last);
      require_stage_size(out.size() + content_.size(), where_);
      out += content_;
      last = end;
    }
    out.append(token, last, token.size() - last);
    return out;
  }
  Regex pattern_;
  std::string content_, where_;
};

class Sequence : public TokenDecoder {
 public:
  explicit Sequence(std::vector<std::unique_ptr<TokenDecoder>> parts) : parts_(std::move(parts)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) part->apply(tokens);
  }
  std::string bytes_of(std::string token) const override {
    for (const auto& part : parts_) token = part->bytes_of(std::move(token));
    return token;
  }

 private:
  std::vector<std::unique_ptr<TokenDecoder>> parts_;
};

std::unique_ptr<TokenDecoder> make_strip(const Json& json) {
  const Json& content = json.at("content");
  const std::string& text = content.as_string();
  if (text.empty() || utf8_length(text[0]) != text.size())
    throw InputError("should be one character", content.where());
  const Json &start = json.at("start"), &stop = json.at("stop");
  if (start.as_integer() < 0) throw InputError("is negative", start.where());
  if (stop.as_integer() < 0) throw InputError("is negative", stop.where());
  return std::make_unique<Strip>(text, start.as_integer(), stop.as_integer());
}

}  // namespace

std::unique_ptr<TokenDecoder> make_decoder(const Json& json) {
  if (json.is_null()) return nullptr;
  const std::string& type = type_of(json);
  if (type == "ByteLevel") return std::make_unique<ByteLevel>();
  if (type == "Metaspace") return std::make_unique<Metaspace>(metaspace_options(json));
  if (type == "ByteFallback") return std::make_unique<ByteFallback>();
  if (type == "Fuse") return std::make_unique<Fuse>();
  if (type == "Strip") return make_strip(json);
  if (type == "Replace")
    return std::make_unique<Replace>(make_pattern(json.at("pattern")), json.at("content").as_string(),
                                     json.where());
  if (type == "Sequence") {
    std::vector<std::unique_ptr<TokenDecoder>> parts;
    for (const Json& part : json.at("decoders").as_array()) {
      if (part.is_null()) throw InputError("a decoder is null", part.where());
      parts.push_back(make_decoder(part));
    }
    return std::make_unique<Sequence>(std::move(parts));
  }
  unknown_type(json, "decoder", "ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace, Sequence");
}

}  // namespace zoetrope
