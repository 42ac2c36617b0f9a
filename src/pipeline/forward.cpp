#include "pipeline/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "pipeline/autoencoding.h"

namespace zoetrope {
namespace {

constexpr int64_t kMostBatch = 4096;

// The inputs of a forward, checked as they are asked for; what was never asked for is an error.
class Inputs {
 public:
  Inputs(const TensorMap& tensors, std::string where) : tensors_(tensors), where_(std::move(where)) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }

  const HostTensor& tensor(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw InputError("the tensor '" + name + "' is missing", where_);
    used_.insert(name);
    if (found->second.elements() == 0) wrong(name, "is empty");
    return found->second;
  }
  HostTensor floats(const std::string& name, int rank) {
    const HostTensor& given = tensor(name);
    if (!is_floating(given.dtype()))
      wrong(name, "must hold floating point numbers, but holds " + std::string(name_of(given.dtype())));
    return checked_rank(name, given.to_f32(), rank);
  }
  // int64 or int32 in the file, checked to lie in [0, most].
  HostTensor integers(const std::string& name, int rank, int64_t most) {
    const HostTensor& given = tensor(name);
    if (is_floating(given.dtype()))
      wrong(name, "must hold integers, but holds " + std::string(name_of(given.dtype())));
    HostTensor out(DType::i32, given.shape());
    for (int64_t i = 0; i < given.elements(); ++i) {
      const int64_t value = integer_at(given, i);
      if (value < 0 || value > most)
        wrong(name, fmt::format("has the value {} at element {}; allowed are 0 to {}", value, i, most));
      out.i32()[static_cast<size_t>(i)] = static_cast<int32_t>(value);
    }
    return checked_rank(name, std::move(out), rank);
  }
  [[noreturn]] void wrong(const std::string& name, const std::string& what) const {
    throw InputError("the tensor '" + name + "' " + what, where_);
  }
  void finish() const {
    std::vector<std::string> unused;
    for (const auto& [name, tensor] : tensors_)
      if (!used_.contains(name)) unused.push_back(name);
    if (!unused.empty())
      throw InputError("holds tensors that this model does not take: " + join_first(unused), where_);
  }
  const std::string& where() const { return where_; }

 private:
  static int64_t integer_at(const HostTensor& t, int64_t i) {
    const auto* bytes = static_cast<const char*>(t.data()) + static_cast<size_t>(i) * size_of(t.dtype());
    auto as = [&]<class T>(T value) {
      std::memcpy(&value, bytes, sizeof value);
      return static_cast<int64_t>(value);
    };
    switch (t.dtype()) {
      case DType::i64:
        return as(int64_t{});
      case DType::u64:
        return as(int64_t{});
      case DType::i32:
        return as(int32_t{});
      case DType::u32:
        return as(uint32_t{});
      case DType::i16:
        return as(int16_t{});
      case DType::u16:
        return as(uint16_t{});
      case DType::i8:
        return as(int8_t{});
      default:
        return as(uint8_t{});
    }
  }
  HostTensor checked_rank(const std::string& name, HostTensor tensor, int rank) const {
    if (tensor.shape().rank() != rank)
      wrong(name, fmt::format("has the shape {}; {} axes are wanted", tensor.shape().text(), rank));
    if (tensor.shape()[0] > kMostBatch) wrong(name, fmt::format("has a batch of more than {}", kMostBatch));
    return tensor;
  }

  const TensorMap& tensors_;
  std::string where_;
  std::set<std::string> used_;
};

TensorView view_of(HostTensor& tensor) { return tensor.view(); }

struct Runner {
  Device& device;
  const ForwardOptions& options;

  SessionOptions session_options() const {
    return {.budget_bytes = options.budget_bytes, .precision = options.precision};
  }
  void report(ForwardResult& result, const Session& session) const {
    result.plan = session.plan();
    result.measured_peak_bytes = session.measured_peak_bytes();
    if (options.explain) result.explanation = session.explain();
  }
};

// A graph whose shapes came from the inputs: what does not go together is the inputs' fault.
template <class Build>
auto built(const Inputs& inputs, const Build& build) {
  try {
    return build();
  } catch (const GraphError& problem) {
    throw InputError(problem.what(), inputs.where());
  }
}

ForwardResult forward_denoiser(const Component& component, Inputs& in, const Runner& runner) {
  const DenoiserModel& model = component.denoiser();
  const DenoiserTraits traits = model.traits();
  HostTensor latents = in.floats("hidden_states", 5);       // (B, C, F, H, W)
  HostTensor text = in.floats("encoder_hidden_states", 3);  // (B, T, W)
  const int64_t batch = latents.shape()[0];
  if (latents.shape()[1] != traits.in_channels)
    in.wrong("hidden_states",
             fmt::format("has {} channels; this model takes {}", latents.shape()[1], traits.in_channels));
  if (text.shape()[0] != batch || text.shape()[2] != traits.text_width)
    in.wrong("encoder_hidden_states", fmt::format("has the shape {}; wanted is ({}, text length, {})",
                                                  text.shape().text(), batch, traits.text_width));
  HostTensor timestep = in.tensor("timestep").to_f32();  // (), (B) or (B, tokens)
  if (timestep.shape().rank() == 0) {
    HostTensor spread(DType::f32, {batch});
    std::fill(spread.f32().begin(), spread.f32().end(), timestep.f32()[0]);
    timestep = std::move(spread);
  }
  const bool per_token = timestep.shape().rank() == 2;
  if (timestep.shape().rank() > 2 || timestep.shape()[0] != batch)
    in.wrong("timestep", fmt::format("has the shape {}; wanted is ({}) or ({}, tokens)",
                                     timestep.shape().text(), batch, batch));
  in.finish();
  const Shape& s = latents.shape();
  std::vector<Graph> graphs = built(in, [&] {
    std::vector<Graph> list;
    list.push_back(model.forward({.batch = batch,
                                  .frames = s[2],
                                  .height = s[3],
                                  .width = s[4],
                                  .text_length = text.shape()[1],
                                  .timestep_per_token = per_token}));
    return list;
  });
  const ValueId timestep_id = graphs[0].find(ValueKind::input, "timestep");
  if (!(graphs[0].value(timestep_id).type.shape == timestep.shape()))
    in.wrong("timestep", fmt::format("has the shape {}; wanted is {}", timestep.shape().text(),
                                     graphs[0].value(timestep_id).type.shape.text()));
  Session session(runner.device, component.binding(), std::move(graphs), runner.session_options());
  ForwardResult result;
  result.outputs = session.run(0, {{"hidden_states", view_of(latents)},
                                   {"timestep", view_of(timestep)},
                                   {"encoder_hidden_states", view_of(text)}});
  runner.report(result, session);
  return result;
}

// (B, L) of ones where no mask is given.
HostTensor mask_or_ones(Inputs& in, const Shape& shape) {
  if (in.has("attention_mask")) {
    HostTensor mask = in.integers("attention_mask", 2, 1);
    if (!(mask.shape() == shape))
      in.wrong("attention_mask", "must have the shape of input_ids, " + shape.text());
    return mask;
  }
  HostTensor ones(DType::i32, shape);
  std::fill(ones.i32().begin(), ones.i32().end(), 1);
  return ones;
}

ForwardResult forward_text_encoder(const Component& component, Inputs& in, const Runner& runner) {
  const TextEncoderModel& model = component.text_encoder();
  HostTensor ids = in.integers("input_ids", 2, model.vocabulary_size() - 1);  // (B, L)
  HostTensor mask = mask_or_ones(in, ids.shape());                            // (B, L)
  in.finish();
  std::vector<Graph> graphs;
  graphs.push_back(built(in, [&] { return model.encode(ids.shape()[0], ids.shape()[1]); }));
  Session session(runner.device, component.binding(), std::move(graphs), runner.session_options());
  ForwardResult result;
  result.outputs = session.run(0, {{"input_ids", view_of(ids)}, {"attention_mask", view_of(mask)}});
  runner.report(result, session);
  return result;
}

// Columns [start, start + count) of (B, L).
HostTensor columns(const HostTensor& ids, int64_t start, int64_t count) {
  const int64_t batch = ids.shape()[0], length = ids.shape()[1];
  HostTensor out(DType::i32, {batch, count});
  const auto* from = static_cast<const int32_t*>(ids.data());
  for (int64_t b = 0; b < batch; ++b)
    std::copy_n(from + b * length + start, count, out.i32().data() + b * count);
  return out;
}

ForwardResult forward_language_model(const Component& component, Inputs& in, const Runner& runner) {
  const LanguageModel& model = component.language_model();
  HostTensor ids = in.integers("input_ids", 2, model.vocabulary_size() - 1);  // (B, L)
  const bool masked = in.has("attention_mask");
  HostTensor mask = mask_or_ones(in, ids.shape());  // (B, L)
  in.finish();
  const int64_t batch = ids.shape()[0], length = ids.shape()[1];
  const int64_t prefill = runner.options.prefill > 0 ? runner.options.prefill : length;
  if (prefill > length)
    throw UsageError(fmt::format("--prefill {} is more than the {} tokens of input_ids", prefill, length));
  std::vector<Graph> graphs = built(in, [&] {
    std::vector<Graph> list;
    list.push_back(model.step({.batch = batch, .tokens = prefill, .capacity = length, .masked = masked}));
    if (prefill < length)
      list.push_back(model.step({.batch = batch, .tokens = 1, .capacity = length, .masked = masked}));
    return list;
  });
  Session session(runner.device, component.binding(), std::move(graphs), runner.session_options());
  HostTensor logits(DType::f32, {batch, length, model.vocabulary_size()});  // (B, L, V)
  for (int64_t start = 0; start < length;) {
    const int64_t count = start == 0 ? prefill : 1;
    HostTensor part = columns(ids, start, count), position(DType::i32, {1}),
               positions(DType::i32, {1, count});
    position.i32()[0] = static_cast<int32_t>(start);
    for (int64_t i = 0; i < count; ++i)
      positions.i32()[static_cast<size_t>(i)] = static_cast<int32_t>(start + i);
    InputMap inputs = {
        {"input_ids", view_of(part)}, {"position", view_of(position)}, {"positions", view_of(positions)}};
    if (masked) inputs["attention_mask"] = view_of(mask);
    const HostTensor step = std::move(session.run(start == 0 ? 0 : 1, inputs).at("logits"));
    const int64_t width = model.vocabulary_size();
    for (int64_t b = 0; b < batch; ++b)
      std::copy_n(step.f32().data() + b * count * width, count * width,
                  logits.f32().data() + (b * length + start) * width);
    start += count;
  }
  ForwardResult result;
  result.outputs.emplace("logits", std::move(logits));
  runner.report(result, session);
  return result;
}

ForwardResult decode(const Component& component, Inputs& in, const Runner& runner) {
  HostTensor latents = in.floats("sample", 5);  // (B, z, f, h, w)
  in.finish();
  const int64_t z = component.autoencoder().traits().latent_channels;
  const Shape& s = latents.shape();
  if (s[1] != z)
    in.wrong("sample", fmt::format("has {} channels; this autoencoder's latents have {}", s[1], z));
  ClipDecoder decoder =
      built(in, [&] { return ClipDecoder(component, runner.device, runner.session_options(), s); });
  ForwardResult result;
  result.outputs.emplace("sample", decode_clip(decoder, latents));
  runner.report(result, decoder.session());
  return result;
}

ForwardResult encode(const Component& component, Inputs& in, const Runner& runner) {
  HostTensor pixels = in.floats("sample", 5);  // (B, 3, F, H, W)
  in.finish();
  const AutoencoderTraits traits = component.autoencoder().traits();
  const Shape& s = pixels.shape();
  if (s[1] != traits.picture_channels)
    in.wrong("sample", fmt::format("has {} channels; pictures have {}", s[1], traits.picture_channels));
  if ((s[2] - 1) % component.autoencoder().encode_frames())
    in.wrong("sample", fmt::format("has {} frames; an encoder takes 4n+1", s[2]));
  ClipEncoder encoder =
      built(in, [&] { return ClipEncoder(component, runner.device, runner.session_options(), s); });
  const HostTensor moments = encode_clip(encoder, pixels);  // (B, 2 z, f, h, w)
  const Shape& m = moments.shape();
  const int64_t half = m.elements() / m[0] / 2;
  HostTensor mean(DType::f32, {m[0], m[1] / 2, m[2], m[3], m[4]}), logvar(DType::f32, mean.shape());
  for (int64_t b = 0; b < m[0]; ++b) {
    const float* from = moments.f32().data() + b * 2 * half;
    std::copy_n(from, half, mean.f32().data() + b * half);
    std::transform(from + half, from + 2 * half, logvar.f32().data() + b * half,
                   [](float v) { return std::clamp(v, -30.0f, 20.0f); });
  }
  ForwardResult result;
  result.outputs.emplace("latent_mean", std::move(mean));
  result.outputs.emplace("latent_logvar", std::move(logvar));
  runner.report(result, encoder.session());
  return result;
}

}  // namespace

ForwardResult run_forward(const Component& component, const TensorMap& inputs, const std::string& where,
                          Device& device, const ForwardOptions& options) {
  Inputs in(inputs, where);
  const Runner runner{device, options};
  const Model& model = component.model();
  const bool autoencoder = dynamic_cast<const AutoencoderModel*>(&model) != nullptr;
  if (autoencoder && options.part != "encode" && options.part != "decode")
    throw UsageError("an autoencoder runs one part of itself", "--part",
                     "give --part encode or --part decode");
  if (!autoencoder && !options.part.empty()) throw UsageError("only an autoencoder has parts", "--part");
  if (autoencoder)
    return options.part == "encode" ? encode(component, in, runner) : decode(component, in, runner);
  if (dynamic_cast<const DenoiserModel*>(&model)) return forward_denoiser(component, in, runner);
  if (dynamic_cast<const TextEncoderModel*>(&model)) return forward_text_encoder(component, in, runner);
  return forward_language_model(component, in, runner);
}

}  // namespace zoetrope
