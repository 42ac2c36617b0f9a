#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "pipeline/story_to_video.h"

namespace zoetrope {
namespace {

struct Arguments {
  MakeRequest request;
  std::string storyboard, out, models, size;
  int64_t seed = 0;
  bool no_narration = false, no_metadata = false, idea_given = false;
  DeviceOptions device;
};

// "A polar bear cub!" -> "a-polar-bear-cub", at most 60 bytes.
std::string slug_of(const std::string& text) {
  std::string slug;
  for (unsigned char c : text) {
    if (slug.size() >= 60) break;
    if (c >= 0x80 || std::isalnum(c))
      slug += static_cast<char>(c < 0x80 ? std::tolower(c) : c);
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  while (!slug.empty() && (slug.back() == '-' || static_cast<unsigned char>(slug.back()) >= 0x80))
    slug.pop_back();
  return slug.empty() ? "story" : slug;
}

fs::path demo_models() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "assets" / "demo";
  return fs::exists(beside / "video") ? beside : fs::path(ZT_SOURCE_DIR) / "assets" / "demo";
}

MakeRequest request_of(const Arguments& a) {
  MakeRequest request = a.request;
  request.seed = static_cast<uint64_t>(a.seed);
  if (!a.storyboard.empty()) request.storyboard = a.storyboard;
  if (request.storyboard && !request.idea.empty())
    throw UsageError("an idea and a storyboard were given", "--storyboard", "give one of them");
  if (request.shot && !request.idea.empty())
    throw UsageError("a shot is drawn again in a story that is there", "--shot",
                     "leave the idea away and name the story with --out");
  if (!a.idea_given && !request.storyboard && !request.shot)
    throw UsageError("there is no idea", "make", "write: zoetrope make \"A polar bear cub crosses the ice\"");
  if (request.shot && a.out.empty()) throw UsageError("which story?", "--shot", "name its folder with --out");
  if (!a.size.empty()) {
    const Size size = parse_size(a.size);
    request.width = size.width;
    request.height = size.height;
  }
  const std::string name = request.storyboard ? request.storyboard->stem().string() : request.idea;
  request.out = a.out.empty() ? fs::path("out") / slug_of(name) : fs::path(a.out);
  request.models = a.models.empty() ? demo_models() : fs::path(a.models);
  request.narration = !a.no_narration;
  request.metadata = !a.no_metadata;
  return request;
}

int run(const Arguments& a) {
  MakeRequest request = request_of(a);
  const auto device = a.device.open();
  request.budget_bytes = a.device.budget_bytes(*device);
  request.precision = a.device.precision(*device);
  const MakeResult result = story_to_video(request, *device, ProgressPrinter());
  fmt::print("{}\n", result.video.string());
  std::fflush(stdout);
  if (request.strict && !result.findings.empty())
    throw Error(ErrorKind::finding, result.findings.front(), "--strict");
  return 0;
}

}  // namespace

void add_make(CLI::App& program, Action& action) {
  auto a = std::make_shared<Arguments>();
  MakeRequest& r = a->request;
  CLI::App* command = program.add_subcommand("make", "A story idea to a finished video");
  CLI::Option* idea = command->add_option("IDEA", r.idea, "what the story is about");
  command->add_option("--storyboard", a->storyboard, "draw this storyboard instead of writing one");
  command->add_option("--out", a->out, "folder for the video and what belongs to it (default: out/<idea>)");
  command->add_flag("--force", r.force, "replace another story in that folder");
  command->add_option("--seed", a->seed, "of story and pictures")
      ->check(seed_number())
      ->capture_default_str();
  command->add_option("--shot", r.shot, "draw this shot of the story in --out again, with --seed")
      ->check(CLI::Range(int64_t{1}, int64_t{64}));
  command->add_option("--shots", r.shots, "shots of the story")
      ->check(CLI::Range(int64_t{3}, int64_t{12}))
      ->capture_default_str();
  command->add_option("--steps", r.steps, "steps of the sampler")->check(CLI::Range(1, 1000));
  command->add_option("--size", a->size, "WIDTHxHEIGHT");
  command->add_option("--frames", r.frames, "most frames that the model makes in one go, 4n+1")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->check(clip_frames());
  command->add_option("--guidance", r.guidance, "guidance of the high-noise (or only) expert; 1: none")
      ->check(finite_number());
  command->add_option("--guidance-low", r.guidance_low, "of the low-noise expert")->check(finite_number());
  command->add_option("--fps", r.fps, "frames a second")->check(CLI::Range(1, 120))->capture_default_str();
  command->add_option("--language", r.language, "of the narration")->capture_default_str();
  command->add_option("--voice", r.voice, "espeak-ng voice");
  command->add_flag("--no-narration", a->no_narration, "no voice; the subtitles tell the story");
  command->add_flag("--no-metadata", a->no_metadata,
                    "write nothing about prompts, seed and models into the video");
  command->add_option("--models", a->models, "folder with writer/ and video/ (default: the demo models)");
  command->add_flag("--keep-work", r.keep_work, "keep the work files in DIR/.work");
  command->add_flag("--strict", r.strict, "a black or frozen shot is an error (exit code 6)");
  a->device.add_to(*command);
  command->callback([a, idea, &action] {
    a->idea_given = idea->count() > 0;
    action = [a] { return run(*a); };
  });
}

}  // namespace zoetrope
