// Text as people read it: UTF-8 characters, how wide they are, where lines and sentences end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zoetrope {

// The character at `at`, which moves past it. Invalid bytes become U+FFFD, one each.
char32_t next_character(std::string_view text, size_t& at);

// Columns of a fixed-width screen: 0 for combining marks and invisible characters, 2 for East Asian wide
// ones.
int columns_of(char32_t character);
int columns_of(std::string_view text);

// Valid UTF-8 on one line: control characters, line ends and runs of white space become one space, the ends
// are trimmed, invalid bytes become U+FFFD.
std::string one_line(std::string_view text);

// Lines of at most `columns`, broken at spaces, and within a word (or between East Asian characters) where it
// must be.
std::vector<std::string> wrap(std::string_view text, int columns);

// The sentences of one line of text, each with its end mark and closing quotes. A full stop ends a sentence
// only before a space and something that is not lower case, and not after a known abbreviation or an initial.
std::vector<std::string> split_sentences(std::string_view text);

}  // namespace zoetrope
