#include <fmt/format.h>

#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/options.h"
#include "text/tokenizer.h"

namespace zoetrope {
namespace {

// One JSON string a line in, one JSON array of ids a line out.
int run(const std::string& folder, bool add_special) {
  const auto tokenizer = load_tokenizer(folder);
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const Json text = Json::parse(line, fmt::format("line {} of the standard input", number));
    std::string out = "[";
    for (int32_t id : tokenizer->encode(text.as_string(), add_special)) {
      if (out.size() > 1) out += ", ";
      out += std::to_string(id);
    }
    std::cout << out << "]\n";
  }
  std::cout.flush();
  if (!std::cout) throw InputError("the standard output can't be written");
  return 0;
}

}  // namespace

void add_tokenize(CLI::App& program, Action& action) {
  struct Arguments {
    std::string folder;
    bool no_special = false;
  };
  auto a = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "tokenize", "Text to token ids: one JSON string a line in, one JSON array a line out");
  command
      ->add_option("TOKENIZER_DIR", a->folder,
                   "folder with tokenizer.json, or spiece.model or tokenizer.model")
      ->required();
  command->add_flag("--no-special", a->no_special, "add no begin or end token");
  command->callback([a, &action] { action = [a] { return run(a->folder, !a->no_special); }; });
}

}  // namespace zoetrope
