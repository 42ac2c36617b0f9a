#include "story/storyboard.h"

#include <fmt/format.h>

#include "cli/options.h"

namespace zoetrope {

void add_storyboard(CLI::App& program, Action& action) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("storyboard", "Work on storyboards");
  command->require_subcommand(1);
  CLI::App* check = command->add_subcommand("check", "Check a storyboard and say what it holds");
  check->add_option("FILE", *file, "storyboard.json")->required();
  check->callback([file, &action] {
    action = [file] {
      const Storyboard storyboard = read_storyboard_file(*file);
      double seconds = 0;
      for (const Shot& shot : storyboard.shots) seconds += shot.seconds;
      fmt::print("{}: {} shots, {:.1f} s\n", *file, storyboard.shots.size(), seconds);
      return 0;
    };
  });
}

}  // namespace zoetrope
