// From shots to decoded segments on disk, stage by stage and wave by wave: the k-th segment of every shot,
// all high-noise passes, all low-noise passes, all decodes; then the pictures from which the next wave goes
// on. Weights are loaded once a stage of a wave.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "media/findings.h"
#include "pipeline/artefacts.h"
#include "pipeline/clip.h"
#include "pipeline/shot_plan.h"

namespace zoetrope {

struct RenderShot {
  std::string prompt, negative;
  uint64_t seed = 0;
  uint64_t stream = 0;  // of the noise: the shot's place in the story
  ShotPlan plan;
  std::vector<fs::path> segments;  // filled: decoded frames, FFV1
};

struct RenderSettings {
  int64_t width = 0, height = 0;
  int fps = 16;
  DenoiseSettings denoise;
  SessionOptions session;
  std::string model_hash;  // of all weights and configs: part of every artefact's name
};

class Renderer {
 public:
  Renderer(const VideoModel& model, Device& device, const RenderSettings& settings,
           const Artefacts& artefacts, Stages& stages, const Progress& progress);

  // Prices every stage of every wave; throws FitError where one does not fit. Reads no weights.
  void price(const std::vector<RenderShot>& shots) const;
  // Draws all shots; what is on disk already is not drawn again.
  void run(std::vector<RenderShot>& shots);

 private:
  // One segment on its way: which shot and where its artefacts are.
  struct Job {
    RenderShot* shot = nullptr;
    size_t segment = 0;
    std::string inputs;  // everything its pictures depend on
    fs::path high, latents, frames;
  };
  std::vector<LatentShape> shapes_of(const std::vector<RenderShot>& shots, size_t wave) const;
  void encode_texts(const std::vector<RenderShot>& shots);
  std::vector<Job> jobs_of(std::vector<RenderShot>& shots, size_t wave) const;
  void encode_pictures(const std::vector<Job>& jobs);
  void denoise(const std::vector<Job>& jobs, Expert expert, const std::vector<LatentShape>& shapes);
  void decode(const std::vector<Job>& jobs, const std::vector<LatentShape>& shapes);
  Conditions conditions_of(const Job& job) const;
  fs::path text_place(const std::string& prompt) const;
  fs::path picture_place(const Job& job) const;
  int total_steps(const std::vector<RenderShot>& shots) const;

  const VideoModel& model_;
  Device& device_;
  const RenderSettings& settings_;
  const Artefacts& artefacts_;
  Stages& stages_;
  const Progress& progress_;
  DenoisePlan plan_;
  int steps_done_ = 0, steps_total_ = 0;
};

}  // namespace zoetrope
