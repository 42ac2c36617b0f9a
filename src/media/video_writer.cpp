#include "media/video_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/log.h"
#include "media/libav.h"

namespace zoetrope {
namespace {

constexpr std::string_view kDigitalSourceType =
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
constexpr size_t kMostMetadataBytes = 1 << 20;

// C strings end at NUL; a cut never parts a UTF-8 character.
std::string metadata_text(std::string_view text) {
  size_t length = std::min(text.size(), kMostMetadataBytes);
  if (length < text.size())
    while (length > 0 && (static_cast<uint8_t>(text[length]) & 0xC0) == 0x80) --length;
  std::string out(text.substr(0, length));
  std::replace(out.begin(), out.end(), '\0', ' ');
  return out;
}

// The box that XMP readers look for in MP4 files (XMP specification part 3, section 1.1.4), at the end of the
// file.
std::string xmp_box() {
  const std::string packet =
      "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
      " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
      "  <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\n"
      "   <Iptc4xmpExt:DigitalSourceType>" +
      std::string(kDigitalSourceType) +
      "</Iptc4xmpExt:DigitalSourceType>\n"
      "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>";
  constexpr std::string_view kUuid("\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC", 16);
  const size_t size = 8 + kUuid.size() + packet.size();
  std::string box;
  for (int shift = 24; shift >= 0; shift -= 8) box += static_cast<char>(size >> shift & 0xFF);
  return box + "uuid" + std::string(kUuid) + packet;
}

// The sample description of 3GPP timed text (TS 26.245, section 5.16): centred at the bottom, white, one
// font.
std::string timed_text_description(int width, int height) {
  std::string out;
  auto put = [&](uint32_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  };
  put(0, 4);           // display flags
  put(0x01, 1);        // horizontally centred
  put(0xFF, 1);        // at the bottom
  put(0x00000000, 4);  // background: transparent
  put(0, 2), put(0, 2), put(static_cast<uint32_t>(height), 2),
      put(static_cast<uint32_t>(width), 2);  // text box
  put(0, 2), put(0, 2), put(1, 2);           // style: from character 0 to 0, font 1
  put(0, 1), put(static_cast<uint32_t>(std::clamp(height / 18, 12, 96)), 1), put(0xFFFFFFFF, 4);
  const std::string font = "Sans-Serif";
  put(static_cast<uint32_t>(8 + 2 + 2 + 1 + font.size()), 4);
  out += "ftab";
  put(1, 2), put(1, 2), put(static_cast<uint32_t>(font.size()), 1);
  return out + font;
}

void set_parameters_data(AVCodecParameters* parameters, std::string_view bytes) {
  parameters->extradata = static_cast<uint8_t*>(av_mallocz(bytes.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (!parameters->extradata) throw std::bad_alloc();
  std::memcpy(parameters->extradata, bytes.data(), bytes.size());
  parameters->extradata_size = static_cast<int>(bytes.size());
}

void check_settings(const VideoSettings& settings, const std::string& where) {
  for (int side : {settings.width, settings.height})
    if (side < 16 || side > 8192)
      throw InputError("a video's width and height must be 16 to 8192, not " + std::to_string(side), where);
  const FrameRate& rate = settings.frame_rate;
  if (rate.numerator < 1 || rate.denominator < 1 || rate.value() > 240 || rate.value() < 0.1)
    throw InputError("a video's frame rate must be 0.1 to 240 a second", where);
  if (!(settings.crf >= 0 && settings.crf <= 51)) throw InputError("crf must be 0 to 51", where);
  if (settings.sound_channels < 0 || settings.sound_channels > 2)
    throw InternalError("VideoSettings: sound has one or two channels");
  // x264 itself would complain on standard error.
  constexpr std::string_view kPresets[] = {"ultrafast", "superfast", "veryfast", "faster",  "fast",
                                           "medium",    "slow",      "slower",   "veryslow"};
  if (std::find(std::begin(kPresets), std::end(kPresets), settings.preset) == std::end(kPresets))
    throw InputError("'" + settings.preset + "' is no preset of x264", where,
                     "ultrafast, superfast, veryfast, faster, fast, medium, slow, slower and veryslow are");
}

}  // namespace

struct VideoWriter::State {
  State(const fs::path& path, const VideoSettings& video_settings) : settings(video_settings), file(path) {}

  void open_video();
  void open_sound();
  void open_subtitles();
  void write_header();
  void encode_frame(AVFrame* input);   // null drains
  void write_before(double seconds);   // sound and subtitles that belong before this time
  void encode_sound(int64_t samples);  // up to this many samples in all
  void drain_sound(AVFrame* input);
  void write_cue(const SubtitleCue& cue);
  void write(AVPacket* packet, AVRational time_base, const AVStream* stream);
  double seconds_of(int64_t frame_count) const {
    return static_cast<double>(frame_count) / settings.frame_rate.value();
  }

  VideoSettings settings;
  MuxedFile file;
  LibavOwner<AVFormatContext> format;
  LibavOwner<AVCodecContext> video, sound;
  AVStream *video_stream = nullptr, *sound_stream = nullptr, *subtitle_stream = nullptr;
  LibavOwner<SwsContext> scaler;
  LibavOwner<AVFrame> rgb;
  LibavOwner<AVPacket> packet = own(av_packet_alloc());
  int64_t frames = 0;
  std::vector<float> waiting;  // (samples, channels), not yet encoded
  int64_t encoded_samples = 0;
  size_t written_cues = 0;
  bool finished = false;
};

void VideoWriter::State::open_video() {
  const bool odd = settings.width % 2 != 0 || settings.height % 2 != 0;
  if (odd)
    log_warning("{} x {} is odd: the video is 4:4:4 H.264, which some players don't show; choose even sizes",
                settings.width, settings.height);
  const AVCodec* codec = encoder_named("libx264");
  video = own(avcodec_alloc_context3(codec));
  video->width = settings.width;
  video->height = settings.height;
  video->pix_fmt = odd ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
  video->framerate = {settings.frame_rate.numerator, settings.frame_rate.denominator};
  video->time_base = av_inv_q(video->framerate);
  video->sample_aspect_ratio = {1, 1};
  video->color_range = AVCOL_RANGE_MPEG;
  video->color_primaries = AVCOL_PRI_BT709;
  video->color_trc = AVCOL_TRC_BT709;
  video->colorspace = AVCOL_SPC_BT709;
  if (!odd) video->chroma_sample_location = AVCHROMA_LOC_LEFT;
  video->gop_size = std::max(1, static_cast<int>(std::lround(2 * settings.frame_rate.value())));
  video->max_b_frames = 2;
  video->thread_count = 1;
  video->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_BITEXACT;
  LibavOptions options;
  options.set("preset", settings.preset);
  options.set("crf", std::to_string(settings.crf));
  // Its look-ahead by macroblock trees reads memory that it has not written (Debian 12's x264): the same
  // frames then give other bytes from run to run.
  options.set("mbtree", "0");
  options.set("profile", odd ? "high444" : "high");
  file.require(avcodec_open2(video.get(), codec, options.get()), "opening the H.264 encoder");
  video_stream = avformat_new_stream(format.get(), nullptr);
  if (!video_stream) throw std::bad_alloc();
  file.require(avcodec_parameters_from_context(video_stream->codecpar, video.get()), "describing the video");
  video_stream->time_base = video->time_base;
  video_stream->avg_frame_rate = video->framerate;

  scaler = own(sws_alloc_context());
  auto set = [&](const char* option, int64_t value) { av_opt_set_int(scaler.get(), option, value, 0); };
  set("srcw", settings.width), set("srch", settings.height), set("src_format", AV_PIX_FMT_RGB24);
  set("dstw", settings.width), set("dsth", settings.height), set("dst_format", video->pix_fmt);
  set("sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT);
  if (!odd)
    set("dst_h_chr_pos", 0),
        set("dst_v_chr_pos", 128);  // where players look for H.264's chroma: left, middle
  file.require(sws_init_context(scaler.get(), nullptr, nullptr), "opening the colour conversion");
  const int* matrix = sws_getCoefficients(SWS_CS_ITU709);
  sws_setColorspaceDetails(scaler.get(), matrix, 1, matrix, 0, 0, 1 << 16, 1 << 16);
  rgb = new_frame(AV_PIX_FMT_RGB24, settings.width, settings.height);
}

void VideoWriter::State::open_sound() {
  const AVCodec* codec = encoder_named("aac");
  sound = own(avcodec_alloc_context3(codec));
  sound->sample_rate = kVideoSoundRate;
  sound->sample_fmt = AV_SAMPLE_FMT_FLTP;
  av_channel_layout_default(&sound->ch_layout, settings.sound_channels);
  sound->bit_rate = 96000 * settings.sound_channels;
  sound->time_base = {1, kVideoSoundRate};
  sound->thread_count = 1;
  sound->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  file.require(avcodec_open2(sound.get(), codec, nullptr), "opening the AAC encoder");
  sound_stream = avformat_new_stream(format.get(), nullptr);
  if (!sound_stream) throw std::bad_alloc();
  file.require(avcodec_parameters_from_context(sound_stream->codecpar, sound.get()), "describing the sound");
  sound_stream->time_base = sound->time_base;
  av_dict_set(&sound_stream->metadata, "language", settings.subtitle_language.c_str(), 0);
}

void VideoWriter::State::open_subtitles() {
  subtitle_stream = avformat_new_stream(format.get(), nullptr);
  if (!subtitle_stream) throw std::bad_alloc();
  AVCodecParameters* parameters = subtitle_stream->codecpar;
  parameters->codec_type = AVMEDIA_TYPE_SUBTITLE;
  parameters->codec_id = AV_CODEC_ID_MOV_TEXT;
  parameters->width = settings.width;
  parameters->height = settings.height;
  set_parameters_data(parameters, timed_text_description(settings.width, settings.height));
  subtitle_stream->time_base = {1, 1000};
  subtitle_stream->disposition = AV_DISPOSITION_DEFAULT;
  av_dict_set(&subtitle_stream->metadata, "language", settings.subtitle_language.c_str(), 0);
}

void VideoWriter::State::write_header() {
  LibavOptions options;
  std::string flags = "+faststart+write_colr";
  if (settings.metadata) {
    // Keys of our own stand in the file as they are, as ComfyUI's do.
    flags += "+use_metadata_tags";
    auto set = [&](const std::string& key, const std::string& value) {
      if (!key.empty() && !value.empty())
        av_dict_set(&format->metadata, metadata_text(key).c_str(), metadata_text(value).c_str(), 0);
    };
    set("title", settings.metadata->title);
    set("comment", settings.metadata->comment);
    for (const auto& [key, value] : settings.metadata->entries) set(key, value);
    set("generated", "This video was generated by a machine learning model; it is not a recording.");
    set("digital_source_type", std::string(kDigitalSourceType));
  }
  options.set("movflags", flags);
  options.set("brand", "mp42");
  file.require(avformat_write_header(format.get(), options.get()), "writing the header");
}

void VideoWriter::State::write(AVPacket* out, AVRational time_base, const AVStream* stream) {
  out->stream_index = stream->index;
  av_packet_rescale_ts(out, time_base, stream->time_base);
  const int result = av_write_frame(format.get(), out);
  av_packet_unref(out);
  file.require(result, "writing a packet");
}

void VideoWriter::State::encode_frame(AVFrame* input) {
  file.require(avcodec_send_frame(video.get(), input), "encoding a frame");
  for (;;) {
    const int result = avcodec_receive_packet(video.get(), packet.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    file.require(result, "encoding a frame");
    if (packet->duration == 0) packet->duration = 1;
    // Sound and subtitles stand in the file next to the pictures they go with.
    auto ready = own(av_packet_alloc());
    av_packet_move_ref(ready.get(), packet.get());
    write_before(static_cast<double>(ready->pts) * av_q2d(video->time_base));
    write(ready.get(), video->time_base, video_stream);
  }
}

void VideoWriter::State::write_before(double seconds) {
  for (; written_cues < settings.subtitles.size(); ++written_cues) {
    if (settings.subtitles[written_cues].start > seconds) break;
    write_cue(settings.subtitles[written_cues]);
  }
  if (sound) encode_sound(std::llround(seconds * kVideoSoundRate));
}

void VideoWriter::State::encode_sound(int64_t samples) {
  const auto channels = static_cast<size_t>(settings.sound_channels);
  const int64_t available = encoded_samples + static_cast<int64_t>(waiting.size() / channels);
  samples = std::min(samples, available);
  size_t used = 0;
  // Whole AAC frames only: a shorter one is allowed at the very end alone.
  while (samples - encoded_samples >= sound->frame_size || (finished && samples > encoded_samples)) {
    const int count = static_cast<int>(std::min<int64_t>(sound->frame_size, samples - encoded_samples));
    auto frame = own(av_frame_alloc());
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->nb_samples = count;
    frame->sample_rate = kVideoSoundRate;
    av_channel_layout_copy(&frame->ch_layout, &sound->ch_layout);
    if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
    for (size_t c = 0; c < channels; ++c) {
      auto* out = reinterpret_cast<float*>(frame->extended_data[c]);
      for (size_t i = 0; i < static_cast<size_t>(count); ++i) out[i] = waiting[used + i * channels + c];
    }
    frame->pts = encoded_samples;
    encoded_samples += count;
    used += static_cast<size_t>(count) * channels;
    drain_sound(frame.get());
  }
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<ptrdiff_t>(used));
}

void VideoWriter::State::drain_sound(AVFrame* input) {
  file.require(avcodec_send_frame(sound.get(), input), "encoding the sound");
  for (;;) {
    const int result = avcodec_receive_packet(sound.get(), packet.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    file.require(result, "encoding the sound");
    write(packet.get(), sound->time_base, sound_stream);
  }
}

void VideoWriter::State::write_cue(const SubtitleCue& cue) {
  const std::string text = cue.text.substr(0, 4096);
  auto out = own(av_packet_alloc());
  if (av_new_packet(out.get(), static_cast<int>(text.size()) + 2) < 0) throw std::bad_alloc();
  out->data[0] = static_cast<uint8_t>(text.size() >> 8);
  out->data[1] = static_cast<uint8_t>(text.size() & 0xFF);
  std::memcpy(out->data + 2, text.data(), text.size());
  out->pts = out->dts = std::llround(cue.start * 1000);
  out->duration = std::max<int64_t>(1, std::llround(cue.end * 1000) - out->pts);
  write(out.get(), {1, 1000}, subtitle_stream);
}

VideoWriter::VideoWriter(const fs::path& path, const VideoSettings& settings) {
  check_settings(settings, path.string());
  state_ = std::make_unique<State>(path, settings);
  AVFormatContext* format = nullptr;
  state_->file.require(avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr),
                       "opening the MP4 muxer");
  state_->format = own(format);
  state_->file.attach(format);
  state_->open_video();
  if (settings.sound_channels > 0) state_->open_sound();
  if (!settings.subtitles.empty()) state_->open_subtitles();
  state_->write_header();
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::add_frame(const Picture& frame) {
  State& s = *state_;
  if (frame.width != s.settings.width || frame.height != s.settings.height || s.finished)
    throw InternalError("VideoWriter: a frame of another size, or after the end");
  for (int y = 0; y < frame.height; ++y)
    std::copy_n(frame.row(y), static_cast<size_t>(frame.width) * 3, s.rgb->data[0] + y * s.rgb->linesize[0]);
  auto yuv = new_frame(s.video->pix_fmt, frame.width, frame.height);
  if (sws_scale(s.scaler.get(), s.rgb->data, s.rgb->linesize, 0, frame.height, yuv->data, yuv->linesize) !=
      frame.height)
    throw InternalError("VideoWriter: the conversion of a frame failed");
  yuv->pts = s.frames++;
  s.encode_frame(yuv.get());
}

void VideoWriter::add_sound(std::span<const float> interleaved) {
  State& s = *state_;
  const auto channels = static_cast<size_t>(s.settings.sound_channels);
  if (channels == 0 || interleaved.size() % channels != 0 || s.finished)
    throw InternalError("VideoWriter: sound that was not announced, or of another number of channels");
  for (float sample : interleaved)
    s.waiting.push_back(std::isfinite(sample) ? std::clamp(sample, -1.0f, 1.0f) : 0.0f);
}

void VideoWriter::finish() {
  State& s = *state_;
  if (s.frames == 0 || s.finished) throw InternalError("VideoWriter: nothing to finish");
  s.encode_frame(nullptr);
  if (s.sound) {
    const int64_t wanted = std::llround(s.seconds_of(s.frames) * kVideoSoundRate);
    s.waiting.resize(static_cast<size_t>(wanted - s.encoded_samples) *
                     static_cast<size_t>(s.settings.sound_channels));
  }
  s.finished = true;
  s.write_before(s.seconds_of(s.frames));
  if (s.sound) s.drain_sound(nullptr);
  s.file.require(av_write_trailer(s.format.get()), "writing the index");
  if (s.settings.metadata) s.file.append(xmp_box());
  s.file.commit();
}

}  // namespace zoetrope
