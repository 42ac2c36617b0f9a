#include "pipeline/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "formats/safetensors.h"
#include "media/segment_store.h"
#include "pipeline/text_encoding.h"

namespace zoetrope {
namespace {

HostTensor list_tensor(const std::vector<float>& values) {
  return HostTensor::from_f32({static_cast<int64_t>(values.size())}, values);
}

// Latents and history between the experts.
void save_state(const fs::path& path, const DenoiseState& state) {
  TensorMap tensors;
  tensors.emplace("latents", state.latents);
  for (size_t i = 0; i < state.history.size(); ++i)
    tensors.emplace(fmt::format("history.{}", i), list_tensor(state.history[i]));
  save_safetensors(path, tensors, {{"step", std::to_string(state.step)}});
}

DenoiseState load_state(const fs::path& path) {
  const SafetensorsFile file(path);
  TensorMap tensors = load_safetensors(path);
  DenoiseState state;
  state.latents = std::move(tensors.at("latents"));
  for (size_t i = 0; tensors.contains(fmt::format("history.{}", i)); ++i) {
    const auto values = tensors.at(fmt::format("history.{}", i)).f32();
    state.history.emplace_back(values.begin(), values.end());
  }
  state.step = std::stoi(file.metadata().at("step"));
  return state;
}

std::string key_of(const DenoisePlan& plan) {
  std::string key;
  for (double t : plan.schedule.timesteps) key += fmt::format("{} ", t);
  for (float s : plan.schedule.sigmas) key += fmt::format("{} ", s);
  for (const ExpertStep& e : plan.experts)
    key += fmt::format("{}:{} ", e.expert == Expert::high ? "high" : "low", e.guidance);
  return key;
}

}  // namespace

Renderer::Renderer(const VideoModel& model, Device& device, const RenderSettings& settings,
                   const Artefacts& artefacts, Stages& stages, const Progress& progress)
    : model_(model),
      device_(device),
      settings_(settings),
      artefacts_(artefacts),
      stages_(stages),
      progress_(progress),
      plan_(plan_denoising(model, settings.denoise)) {}

std::vector<LatentShape> Renderer::shapes_of(const std::vector<RenderShot>& shots, size_t wave) const {
  std::map<int64_t, LatentShape> by_frames;
  for (const RenderShot& shot : shots)
    if (static_cast<size_t>(shot.plan.segments) > wave)
      by_frames.emplace(shot.plan.segment_frames,
                        model_.latents(settings_.width, settings_.height, shot.plan.segment_frames));
  std::vector<LatentShape> shapes;
  for (const auto& [frames, shape] : by_frames) shapes.push_back(shape);
  return shapes;
}

void Renderer::price(const std::vector<RenderShot>& shots) const {
  for (const RenderShot& shot : shots)
    for (const std::string* prompt : {&shot.prompt, &shot.negative})
      TextEncoding(model_, device_, settings_.session, prompt_ids(model_, *prompt).shape()[1]);
  for (size_t wave = 0;; ++wave) {
    const std::vector<LatentShape> shapes = shapes_of(shots, wave);
    if (shapes.empty()) return;
    for (Expert expert : {Expert::high, Expert::low})
      if (plan_.steps_of(expert) > 0) ExpertRun(model_, expert, device_, settings_.session, shapes);
    ClipDecoder(model_.autoencoder(), device_, settings_.session, shapes.back().shape());
    if (wave == 1)
      ClipEncoder(model_.autoencoder(), device_, settings_.session,
                  {1, 3, 1, settings_.height, settings_.width});
  }
}

int Renderer::total_steps(const std::vector<RenderShot>& shots) const {
  int64_t segments = 0;
  for (const RenderShot& shot : shots) segments += shot.plan.segments;
  return static_cast<int>(segments) * plan_.steps();
}

void Renderer::run(std::vector<RenderShot>& shots) {
  steps_total_ = total_steps(shots);
  encode_texts(shots);
  for (size_t wave = 0;; ++wave) {
    const std::vector<LatentShape> shapes = shapes_of(shots, wave);
    if (shapes.empty()) return;
    const std::vector<Job> jobs = jobs_of(shots, wave);
    if (wave > 0) encode_pictures(jobs);
    for (Expert expert : {Expert::high, Expert::low})
      if (plan_.steps_of(expert) > 0) denoise(jobs, expert, shapes);
    decode(jobs, shapes);
    for (const Job& job : jobs) job.shot->segments.push_back(job.frames);
  }
}

fs::path Renderer::text_place(const std::string& prompt) const {
  return artefacts_.place("text", settings_.model_hash + "\n" + prompt, "safetensors");
}

void Renderer::encode_texts(const std::vector<RenderShot>& shots) {
  std::map<int64_t, std::set<std::string>> by_length;  // one graph a length
  for (const RenderShot& shot : shots)
    for (const std::string* prompt : {&shot.prompt, &shot.negative})
      by_length[prompt_ids(model_, *prompt).shape()[1]].insert(*prompt);
  for (const auto& [length, prompts] : by_length) {
    TextEncoding encoding(model_, device_, settings_.session, length);
    for (const std::string& prompt : prompts) {
      const Stopwatch watch;
      const fs::path place = text_place(prompt);
      if (!artefacts_.has(place)) {
        TensorMap tensors;
        tensors.emplace("text", encoding.run(prompt_ids(model_, prompt)));
        check_finite(tensors.at("text"), "the text encoding of a prompt");
        artefacts_.note(place, session_facts(encoding.session()));
        save_safetensors(place, tensors);
      }
      add_stage(stages_, "text", watch.seconds(), artefacts_.facts(place));
    }
  }
}

std::vector<Renderer::Job> Renderer::jobs_of(std::vector<RenderShot>& shots, size_t wave) const {
  std::vector<Job> jobs;
  for (RenderShot& shot : shots) {
    if (static_cast<size_t>(shot.plan.segments) <= wave) continue;
    Job job{.shot = &shot, .segment = wave};
    job.inputs = fmt::format(
        "{}\n{}\n{}\n{}x{} {} frames, {} segments, segment {}\nseed {} stream {}\n{}\n{}\n{} {}",
        settings_.model_hash, shot.prompt, shot.negative, settings_.width, settings_.height,
        shot.plan.segment_frames, shot.plan.segments, wave, shot.seed, shot.stream, key_of(plan_),
        std::string(name_of(settings_.session.precision)), device_.spec().name, device_.spec().threads);
    // A later segment depends on the one before, whose name says all that that one depends on.
    if (wave > 0) job.inputs += "\nafter " + shot.segments.back().filename().string();
    job.high = artefacts_.place("high", job.inputs, "safetensors");
    job.latents = artefacts_.place("latents", job.inputs, "safetensors");
    job.frames = artefacts_.place("frames", job.inputs + fmt::format("\n{} fps", settings_.fps), "mkv");
    jobs.push_back(std::move(job));
  }
  return jobs;
}

fs::path Renderer::picture_place(const Job& job) const {
  return artefacts_.place("picture", job.inputs, "safetensors");
}

void Renderer::encode_pictures(const std::vector<Job>& jobs) {
  ClipEncoder encoder(model_.autoencoder(), device_, settings_.session,
                      {1, 3, 1, settings_.height, settings_.width});
  for (const Job& job : jobs) {
    const Stopwatch watch;
    const fs::path place = picture_place(job);
    if (!artefacts_.has(place)) {
      SegmentReader reader(job.shot->segments.back());
      Picture last;
      while (reader.next(last)) {
      }
      TensorMap tensors;
      tensors.emplace("picture", encode_picture(model_, encoder, pixels_of(last)));
      check_finite(tensors.at("picture"), "the latents of a segment's last frame");
      artefacts_.note(place, session_facts(encoder.session()));
      save_safetensors(place, tensors);
    }
    add_stage(stages_, "encode", watch.seconds(), artefacts_.facts(place));
  }
}

Conditions Renderer::conditions_of(const Job& job) const {
  Conditions conditions;
  conditions.text = std::move(load_safetensors(text_place(job.shot->prompt)).at("text"));
  conditions.negative = std::move(load_safetensors(text_place(job.shot->negative)).at("text"));
  if (job.segment > 0) conditions.picture = std::move(load_safetensors(picture_place(job)).at("picture"));
  return conditions;
}

void Renderer::denoise(const std::vector<Job>& jobs, Expert expert, const std::vector<LatentShape>& shapes) {
  // The last expert that works on a segment leaves its latents, the one before what the sampler remembers.
  const bool ends = plan_.experts.back().expert == expert;
  const char* name = expert == Expert::high ? "denoise high" : "denoise low";
  ExpertRun run(model_, expert, device_, settings_.session, shapes);
  for (const Job& job : jobs) {
    const Stopwatch watch;
    const fs::path& place = ends ? job.latents : job.high;
    if (!artefacts_.has(place)) {
      const LatentShape latents =
          model_.latents(settings_.width, settings_.height, job.shot->plan.segment_frames);
      const Conditions conditions = conditions_of(job);
      const uint64_t stream = job.shot->stream << 20 | job.segment;
      DenoiseState state = ends && artefacts_.has(job.high)
                               ? load_state(job.high)
                               : start_denoising(plan_, draw_noise(latents, job.shot->seed, stream));
      run.run(plan_, conditions, state, [&] { progress_(name, ++steps_done_, steps_total_); });
      artefacts_.note(place, session_facts(run.session()));
      if (ends) {
        TensorMap tensors;
        tensors.emplace("latents", finish_denoising(model_, conditions, std::move(state),
                                                    fmt::format("shot {}, {}", job.shot->stream + 1, name)));
        save_safetensors(place, tensors);
      } else {
        check_finite(state.latents, fmt::format("shot {}, {}", job.shot->stream + 1, name));
        save_state(place, state);
      }
    } else {
      steps_done_ += plan_.steps_of(expert);
    }
    add_stage(stages_, name, watch.seconds(), artefacts_.facts(place));
  }
}

void Renderer::decode(const std::vector<Job>& jobs, const std::vector<LatentShape>& shapes) {
  // Decoding goes frame by frame: one plan serves every length, but a single frame needs no second chunk.
  ClipDecoder decoder(model_.autoencoder(), device_, settings_.session, shapes.back().shape());
  int done = 0;
  for (const Job& job : jobs) {
    const Stopwatch watch;
    if (!artefacts_.has(job.frames)) {
      SegmentWriter writer(job.frames, static_cast<int>(settings_.width), static_cast<int>(settings_.height),
                           {settings_.fps, 1});
      ClipExaminer examiner;
      decode_latents(model_, decoder, std::move(load_safetensors(job.latents).at("latents")),
                     fmt::format("shot {}, a decoded frame", job.shot->stream + 1),
                     [&](const Picture& frame) {
                       writer.add_frame(frame);
                       examiner.add(frame);
                     });
      Json facts = session_facts(decoder.session());
      Json findings = Json::array();
      for (const Finding& finding : examiner.findings())
        findings.push_back(Json::object().set("kind", finding.kind).set("message", finding.message));
      facts.set("findings", std::move(findings));
      artefacts_.note(job.frames, facts);
      writer.finish();
    }
    add_stage(stages_, "decode", watch.seconds(), artefacts_.facts(job.frames));
    progress_("decode", ++done, static_cast<int>(jobs.size()));
  }
}

}  // namespace zoetrope
