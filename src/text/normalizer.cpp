#include "text/normalizer.h"

#include <algorithm>

#include "text/charsmap.h"
#include "text/unicode.h"

namespace zoetrope {
namespace {

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void apply(NormalText& in) const override {
    std::string out = normal_form(in.text, form_);
    if (in.lead > 0 && !out.empty()) {
      const size_t alone = normal_form(std::string_view(in.text).substr(0, in.lead), form_).size();
      in.lead = std::min(out.size(), std::max(alone, utf8_length(out[0])));
    }
    in.text = std::move(out);
    require_stage_size(in.text.size(), "normalizer");
  }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  void apply(NormalText& in) const override {
    if (in.lead > 0) in.lead = lowercase(std::string_view(in.text).substr(0, in.lead)).size();
    in.text = lowercase(in.text);
  }
};

// Keeps the characters that `keep` accepts between the first and the last one to be kept.
class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(NormalText& in) const override {
    size_t begin = 0, end = 0;
    bool inside = !left_;
    for (size_t i = 0; i < in.text.size();) {
      const size_t at = i;
      const bool space = is_white_space(next_code_point(in.text, i));
      if (!inside && !space) {
        inside = true;
        begin = at;
      }
      if (!space || !right_) end = i;
    }
    if (!inside) begin = in.text.size();
    end = std::max(begin, end);
    in.lead = in.lead > begin ? std::min(in.lead, end) - begin : 0;
    in.text = in.text.substr(begin, end - begin);
  }

 private:
  bool left_, right_;
};

class StripAccents : public Normalizer {
 public:
  void apply(NormalText& in) const override {
    std::string out;
    size_t lead = 0;
    for (size_t i = 0; i < in.text.size();) {
      const size_t at = i;
      const uint32_t c = next_code_point(in.text, i);
      if (is_mark(c)) continue;
      out.append(in.text, at, i - at);
      if (at < in.lead) lead = out.size();
    }
    in.text = std::move(out);
    in.lead = lead;
  }
};

class Prepend : public Normalizer {
 public:
  Prepend(std::string text, std::string where) : prefix_(std::move(text)), where_(std::move(where)) {}
  void apply(NormalText& in) const override {
    if (in.text.empty()) return;
    require_stage_size(prefix_.size() + in.text.size(), where_);
    in.text.insert(0, prefix_);
    if (in.lead > 0) in.lead += prefix_.size();
  }

 private:
  std::string prefix_, where_;
};

class Replace : public Normalizer {
 public:
  Replace(Regex pattern, std::string content, std::string where)
      : pattern_(std::move(pattern)), content_(std::move(content)), where_(std::move(where)) {}
  void apply(NormalText& in) const override {
    const auto matches = pattern_.find_all(in.text);
    if (matches.empty()) return;
    std::string out;
    size_t last = 0, lead = 0;
    auto copy = [&](size_t begin, size_t end) {
      out.append(in.text, begin, end - begin);
      if (begin < in.lead) lead = out.size() - (end > in.lead ? end - in.lead : 0);
    };
    for (const auto& [begin, end] : matches) {
      copy(last, begin);
      // What is put in stems from the last character that it replaces.
      require_stage_size(out.size() + content_.size(), where_);
      out += content_;
      if (end == 0 || end - 1 < in.lead) lead = out.size();
      last = end;
    }
    copy(last, in.text.size());
    require_stage_size(out.size(), where_);
    in.text = std::move(out);
    in.lead = lead;
  }

 private:
  Regex pattern_;
  std::string content_, where_;
};

// Follows, as the reference does it, which of the first characters of a rewritten text count as made from the
// first one of the old text: a new character takes the place of an old one, or is added to the one before it,
// or takes the place of several; what vanishes before anything is written moves the rest up.
class LeadTracker {
 public:
  void add(std::string_view from, std::string_view to) {
    const size_t first = entries_.size();
    if (first > kMost) return;
    size_t old_count = 0;
    for (size_t i = 0; i < from.size(); i += utf8_length(from[i]), ++old_count)
      old_lengths_.push_back(utf8_length(from[i]));
    for (size_t i = 0; i < to.size(); i += utf8_length(to[i])) entries_.push_back({utf8_length(to[i]), 0});
    const size_t new_count = entries_.size() - first;
    if (new_count > old_count) {
      for (size_t k = 0; k < new_count - old_count; ++k) entries_[entries_.size() - 1 - k].change = 1;
    } else if (!entries_.empty()) {
      entries_.back().change -= static_cast<ptrdiff_t>(old_count - new_count);
    }
  }
  size_t lead(size_t old_lead) const {
    size_t offset = 0, next = 0, lead = 0;
    for (const Entry& entry : entries_) {
      const size_t source = entry.change > 0 && offset > 0 ? offset - 1 : offset;
      if (source >= old_lead) break;
      lead += entry.length;
      if (entry.change > 0) continue;
      for (ptrdiff_t k = entry.change; k <= 0 && next < old_lengths_.size(); ++k)
        offset += old_lengths_[next++];
    }
    return lead;
  }

 private:
  static constexpr size_t kMost = 64;
  struct Entry {
    size_t length;
    ptrdiff_t change;
  };
  std::vector<Entry> entries_;
  std::vector<size_t> old_lengths_;
};

class Precompiled : public Normalizer {
 public:
  Precompiled(Charsmap map, std::string where) : map_(std::move(map)), where_(std::move(where)) {}
  void apply(NormalText& in) const override {
    std::string out;
    out.reserve(in.text.size());
    LeadTracker tracker;
    map_.apply(in.text, [&](std::string_view from, std::string_view to) {
      require_stage_size(out.size() + to.size(), where_);
      out += to;
      tracker.add(from, to);
    });
    in.text = std::move(out);
    in.lead = std::min(tracker.lead(in.lead), in.text.size());
  }

 private:
  Charsmap map_;
  std::string where_;
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}
  void apply(NormalText& text) const override {
    for (const auto& part : parts_) part->apply(text);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

}  // namespace

const std::string& type_of(const Json& json) { return json.at("type").as_string(); }

void unknown_type(const Json& json, std::string_view what, std::string_view known) {
  const Json& type = json.at("type");
  throw InputError("unknown " + std::string(what) + " type '" + printable(type.as_string(), 80) + "'",
                   type.where().empty() ? json.where() : type.where(), "known are " + std::string(known));
}

Regex make_pattern(const Json& json) {
  if (const Json* text = json.find("String")) return Regex::literal(text->as_string(), text->where());
  if (const Json* text = json.find("Regex")) return Regex(text->as_string(), text->where());
  throw InputError("the pattern has neither 'String' nor 'Regex'", json.where());
}

std::unique_ptr<Normalizer> make_normalizer(const Json& json) {
  if (json.is_null()) return nullptr;
  const std::string& type = type_of(json);
  if (type == "NFC") return std::make_unique<UnicodeForm>(NormalForm::nfc);
  if (type == "NFD") return std::make_unique<UnicodeForm>(NormalForm::nfd);
  if (type == "NFKC") return std::make_unique<UnicodeForm>(NormalForm::nfkc);
  if (type == "NFKD") return std::make_unique<UnicodeForm>(NormalForm::nfkd);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Strip")
    return std::make_unique<Strip>(json.at("strip_left").as_bool(), json.at("strip_right").as_bool());
  if (type == "Prepend") return std::make_unique<Prepend>(json.at("prepend").as_string(), json.where());
  if (type == "Replace")
    return std::make_unique<Replace>(make_pattern(json.at("pattern")), json.at("content").as_string(),
                                     json.where());
  if (type == "Precompiled") {
    const Json& map = json.at("precompiled_charsmap");
    return std::make_unique<Precompiled>(Charsmap(decode_base64(map.as_string(), map.where()), map.where()),
                                         json.where());
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<Normalizer>> parts;
    for (const Json& part : json.at("normalizers").as_array()) {
      if (part.is_null()) throw InputError("a normalizer is null", part.where());
      parts.push_back(make_normalizer(part));
    }
    return std::make_unique<Sequence>(std::move(parts));
  }
  unknown_type(
      json, "normalizer",
      "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Precompiled, Sequence");
}

}  // namespace zoetrope
