// Prompts are cleaned before they are tokenized, as the video pipelines of diffusers do it (without ftfy,
// which is optional there).
#pragma once

#include <string>
#include <string_view>

namespace zoetrope {

// HTML character references resolved twice, then every run of white space becomes one space, and none at the
// ends. White space is what Python's str.isspace says. Throws InputError where the text is not UTF-8.
std::string clean_prompt(std::string_view text);

// Character references replaced as Python's html.unescape does: named ones with the longest match and without
// a semicolon where HTML allows that, numeric ones with HTML's repairs.
std::string unescape_html(std::string_view text);

// Without white space (Python's str.strip) at both ends.
std::string strip_white_space(std::string_view text);

}  // namespace zoetrope
