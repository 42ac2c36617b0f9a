#include "pipeline/story_to_video.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "pipeline/generation_defaults.h"
#include "pipeline/output_folder.h"
#include "pipeline/outputs.h"
#include "story/session_model.h"
#include "text/tokenizer.h"

namespace zoetrope {
namespace {

// What `request` and the models' folder together ask for.
struct Settings {
  RenderSettings render;
  int64_t most_frames = 81;
};

Settings settings_of(const MakeRequest& request, const VideoModel& model) {
  const GenerationDefaults defaults = read_generation_defaults(model.folder());
  Settings settings;
  settings.render.width = request.width.value_or(defaults.width);
  settings.render.height = request.height.value_or(defaults.height);
  settings.render.fps = request.fps;
  settings.render.denoise.steps = request.steps.value_or(defaults.steps);
  settings.render.denoise.guidance = request.guidance.value_or(defaults.guidance);
  settings.render.denoise.guidance_low = request.guidance_low ? request.guidance_low
                                         : request.guidance   ? request.guidance
                                                              : defaults.guidance_low;
  settings.render.session = {.budget_bytes = request.budget_bytes, .precision = request.precision};
  settings.most_frames = request.frames.value_or(defaults.frames);
  model.latents(settings.render.width, settings.render.height, settings.most_frames);
  return settings;
}

// Over the names and contents of the tokenizer's files.
std::string tokenizer_hash(const fs::path& folder) {
  std::map<std::string, std::string> sums;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) sums[entry.path().filename().string()] = sha256_of_file(entry.path());
  std::string all;
  for (const auto& [name, sum] : sums) all += name + " " + sum + "\n";
  return sha256_of(all);
}

// Everything on which the story depends; two runs with one hash are one story.
std::string request_hash(const MakeRequest& r, const Settings& s, const std::string& models) {
  Json key = Json::object();
  key.set("build", build_id())
      .set("models", models)
      .set("idea", r.idea)
      .set("seed", static_cast<int64_t>(r.seed))
      .set("shots", r.shots);
  if (r.storyboard) key.set("storyboard", read_file(*r.storyboard, kMostStoryboardBytes));
  key.set("shot", r.shot.value_or(0))
      .set("width", s.render.width)
      .set("height", s.render.height)
      .set("frames", s.most_frames);
  key.set("steps", s.render.denoise.steps).set("guidance", s.render.denoise.guidance);
  key.set("guidance_low", s.render.denoise.guidance_low.value_or(s.render.denoise.guidance))
      .set("fps", r.fps)
      .set("language", r.language);
  key.set("voice", r.voice)
      .set("narration", r.narration)
      .set("metadata", r.metadata)
      .set("precision", std::string(name_of(r.precision)));
  return sha256_of(key.dump(-1));
}

Storyboard written_storyboard(const MakeRequest& request, const Component& writer, Device& device,
                              const Artefacts& artefacts, Stages& stages, const Progress& progress) {
  const Stopwatch watch;
  const fs::path place = artefacts.place("storyboard",
                                         fmt::format("{}\n{}\n{}\n{}\n{}", writer.sha256(), request.idea,
                                                     request.shots, request.language, request.seed),
                                         "json");
  if (!artefacts.has(place)) {
    const auto tokenizer = load_tokenizer(writer.folder());
    SessionModel model(writer.language_model(), writer.binding(), device,
                       context_for_story(request.idea, request.shots),
                       {.budget_bytes = request.budget_bytes, .precision = request.precision});
    const WriterOptions options{
        .shots = request.shots,
        .language = request.language,
        .seed = request.seed,
        .progress = [&](double share) { progress("storyboard", static_cast<int>(share * 100), 100); }};
    Storyboard storyboard = write_storyboard(request.idea, options, *tokenizer, model);
    storyboard.seed = request.seed;
    artefacts.note(place, session_facts(model.session()));
    write_storyboard_file(place, storyboard);
  }
  add_stage(stages, "storyboard", watch.seconds(), artefacts.facts(place));
  return read_storyboard_file(place);
}

// One shot drawn again: the story in the folder, with another seed for that shot.
Storyboard with_redrawn_shot(const MakeRequest& request) {
  const fs::path file = request.storyboard.value_or(request.out / "storyboard.json");
  Storyboard storyboard = read_storyboard_file(file);
  if (*request.shot < 1 || *request.shot > static_cast<int64_t>(storyboard.shots.size()))
    throw UsageError(
        fmt::format("there is no shot {}; the story has {}", *request.shot, storyboard.shots.size()),
        "--shot");
  storyboard.shots[static_cast<size_t>(*request.shot) - 1].seed = request.seed;
  return storyboard;
}

std::vector<CutShot> cut_shots(const MakeRequest& request, const Storyboard& storyboard,
                               const Settings& settings, const VideoModel& model,
                               const std::optional<Narrator>& narrator, Stages& stages) {
  const Stopwatch watch;
  const ShotLimits limits{.temporal_factor = model.autoencoder().autoencoder().traits().temporal_factor,
                          .most_frames = settings.most_frames,
                          .least_frames = std::min<int64_t>(settings.most_frames, 17),
                          .can_continue = model.conditioning() == Conditioning::first_frame};
  std::vector<CutShot> cut;
  double start = 0;
  for (size_t i = 0; i < storyboard.shots.size(); ++i) {
    CutShot shot{.shot = storyboard.shots[i]};
    if (narrator && !shot.shot.narration.empty()) shot.narration = narrator->speak(shot.shot.narration);
    const double spoken = shot.narration.sound.seconds();
    shot.render = {.prompt = shot.shot.prompt,
                   .negative = shot.shot.negative_prompt,
                   .seed = shot.shot.seed.value_or(storyboard.seed.value_or(request.seed)),
                   .stream = i,
                   .plan = plan_shot(std::max(shot.shot.seconds, spoken), request.fps, limits)};
    shot.start = start;
    start += shot.seconds(request.fps);
    cut.push_back(std::move(shot));
  }
  stages.add("narration", watch.seconds());
  return cut;
}

Json findings_of(const std::vector<CutShot>& cut, const Artefacts& artefacts,
                 std::vector<std::string>& texts) {
  Json list = Json::array();
  for (size_t i = 0; i < cut.size(); ++i)
    for (const fs::path& segment : cut[i].render.segments) {
      const Json facts = artefacts.facts(segment);
      for (const Json& finding : facts.at("findings").as_array()) {
        list.push_back(Json::object()
                           .set("shot", static_cast<int64_t>(i + 1))
                           .set("kind", finding.at("kind"))
                           .set("message", finding.at("message")));
        texts.push_back(fmt::format("shot {}: {}", i + 1, finding.at("message").as_string()));
      }
    }
  return list;
}

// The largest clip that the story may ask for, before there is a story: what can't fit is told before a
// folder is made.
void price_largest(const MakeRequest& request, const Settings& settings, const VideoModel& model,
                   const Component* writer, Device& device, const Progress& progress) {
  if (writer)
    SessionModel(writer->language_model(), writer->binding(), device,
                 context_for_story(request.idea, request.shots),
                 {.budget_bytes = request.budget_bytes, .precision = request.precision});
  const int64_t segments = model.conditioning() == Conditioning::first_frame ? 2 : 1;
  const Artefacts nowhere(request.out);
  Stages none;
  Renderer(model, device, settings.render, nowhere, none, progress)
      .price({RenderShot{.plan = {.segments = segments, .segment_frames = settings.most_frames}}});
}

}  // namespace

MakeResult story_to_video(const MakeRequest& request, Device& device, const Progress& progress) {
  // What was asked is checked before anything is made.
  std::optional<Storyboard> storyboard;
  if (request.shot)
    storyboard = with_redrawn_shot(request);
  else if (request.storyboard)
    storyboard = read_storyboard_file(*request.storyboard);
  else
    clean_idea(request.idea);
  const VideoModel model(request.models / "video");
  if (model.conditioning() == Conditioning::channels)
    throw InputError("this model only turns pictures into video", (request.models / "video").string(),
                     "a story needs a text-to-video model");
  const bool writes = !request.storyboard && !request.shot;
  std::optional<Component> writer;
  if (writes) writer.emplace(request.models / "writer");
  Settings settings = settings_of(request, model);
  std::optional<Narrator> narrator;
  if (request.narration)
    narrator.emplace(NarratorSettings{.voice = request.voice,
                                      .language = storyboard ? storyboard->language : request.language});

  Json models = Json::array();
  auto add_model = [&](const std::string& role, const Component& component) {
    models.push_back(Json::object()
                         .set("role", role)
                         .set("path", component.folder().filename().string())
                         .set("sha256", component.sha256()));
  };
  if (writer) add_model("writer", *writer);
  for (const auto& [role, component] : model.components()) add_model(role, *component);
  settings.render.model_hash = sha256_of(models.dump(-1) + tokenizer_hash(model.folder() / "tokenizer"));
  const std::string hash = request_hash(request, settings, models.dump(-1));

  price_largest(request, settings, model, writer ? &*writer : nullptr, device, progress);

  OutputFolder folder(request, hash);
  const Artefacts artefacts(folder.work());
  Stages stages;
  if (!storyboard) storyboard = written_storyboard(request, *writer, device, artefacts, stages, progress);
  writer.reset();
  std::vector<CutShot> cut = cut_shots(request, *storyboard, settings, model, narrator, stages);
  std::vector<RenderShot> shots;
  for (const CutShot& shot : cut) shots.push_back(shot.render);
  Renderer renderer(model, device, settings.render, artefacts, stages, progress);
  renderer.price(shots);
  renderer.run(shots);
  for (size_t i = 0; i < cut.size(); ++i) cut[i].render = shots[i];

  MakeResult result{.video = request.out / "story.mp4"};
  const StoryFacts facts{.storyboard = *storyboard,
                         .request_hash = hash,
                         .width = settings.render.width,
                         .height = settings.render.height,
                         .models = models,
                         .findings = findings_of(cut, artefacts, result.findings)};
  write_outputs(request, cut, facts, folder.work(), stages);
  folder.finish();
  for (const std::string& finding : result.findings) log_warning("{}", finding);
  return result;
}

}  // namespace zoetrope
