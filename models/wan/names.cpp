#include "names.h"

#include <array>
#include <utility>

namespace zoetrope::wan {
namespace {

using Row = std::pair<std::string_view, std::string_view>;

// Parts of a block's names, in the order in which they are tried.
constexpr std::array<Row, 13> kInBlock = {{
    {"self_attn.norm_", "attn1.norm_"},
    {"cross_attn.norm_", "attn2.norm_"},
    {"self_attn.q.", "attn1.to_q."},
    {"self_attn.k.", "attn1.to_k."},
    {"self_attn.v.", "attn1.to_v."},
    {"self_attn.o.", "attn1.to_out.0."},
    {"cross_attn.q.", "attn2.to_q."},
    {"cross_attn.k.", "attn2.to_k."},
    {"cross_attn.v.", "attn2.to_v."},
    {"cross_attn.o.", "attn2.to_out.0."},
    {"norm3.", "norm2."},
    {"ffn.0.", "ffn.net.0.proj."},
    {"modulation", "scale_shift_table"},
}};

constexpr std::array<Row, 7> kOutside = {{
    {"time_embedding.0.", "condition_embedder.time_embedder.linear_1."},
    {"time_embedding.2.", "condition_embedder.time_embedder.linear_2."},
    {"text_embedding.0.", "condition_embedder.text_embedder.linear_1."},
    {"text_embedding.2.", "condition_embedder.text_embedder.linear_2."},
    {"time_projection.1.", "condition_embedder.time_proj."},
    {"head.head.", "proj_out."},
    {"head.modulation", "scale_shift_table"},
}};

template <size_t N>
std::string replace_start(std::string_view name, const std::array<Row, N>& rows) {
  for (const auto& [from, to] : rows)
    if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
  return std::string(name);
}

}  // namespace

std::string diffusers_name(const std::string& canonical) {
  if (!canonical.starts_with("blocks.")) return replace_start(canonical, kOutside);
  const size_t after = canonical.find('.', 7) + 1;
  const std::string_view rest = std::string_view(canonical).substr(after);
  const std::string head = canonical.substr(0, after);
  if (rest.starts_with("ffn.2.")) return head + "ffn.net.2." + std::string(rest.substr(6));
  return head + replace_start(rest, kInBlock);
}

}  // namespace zoetrope::wan
