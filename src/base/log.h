// Log lines go to standard error; results of a command go to standard output and never through here.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace zoetrope {

enum class LogLevel { debug, info, warning, error };

void set_log_level(LogLevel least);
// Writes one line "warning: text" (no prefix for info). Thread-safe. Control characters are escaped.
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace zoetrope
