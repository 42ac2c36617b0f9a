// Names of the parameters: the original repository's are canonical; diffusers' are a map onto them.
#pragma once

#include <string>

namespace zoetrope::wan {

// "blocks.0.self_attn.q.weight" -> "blocks.0.attn1.to_q.weight".
std::string diffusers_name(const std::string& canonical);

}  // namespace zoetrope::wan
