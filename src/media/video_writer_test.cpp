#include "media/video_writer.h"

#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <numbers>

#include "media/libav.h"
#include "media/media_testing.h"

namespace zoetrope {
namespace {

using ::testing::HasSubstr;

struct StreamFacts {
  AVMediaType type;
  AVCodecID codec;
  int profile;
  AVCodecParameters parameters;
  AVRational rate;
  double first = 1e9, end = 0;  // seconds
  int packets = 0;
  std::vector<std::string> texts;
  std::string language;
};

struct FileFacts {
  double seconds = 0;
  std::map<std::string, std::string> metadata;
  std::vector<StreamFacts> streams;
  std::vector<Picture> frames;

  const StreamFacts* find(AVMediaType type) const {
    for (const StreamFacts& s : streams)
      if (s.type == type) return &s;
    return nullptr;
  }
};

std::map<std::string, std::string> to_map(const AVDictionary* dictionary) {
  std::map<std::string, std::string> out;
  for (AVDictionaryEntry* e = nullptr; (e = av_dict_get(dictionary, "", e, AV_DICT_IGNORE_SUFFIX));)
    out[e->key] = e->value;
  return out;
}

Picture to_picture(const AVFrame& frame) {
  Picture out(frame.width, frame.height);
  auto* scaler = sws_getContext(
      frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width, frame.height,
      AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr);
  const int* matrix = sws_getCoefficients(SWS_CS_ITU709);
  sws_setColorspaceDetails(scaler, matrix, 0, matrix, 1, 0, 1 << 16, 1 << 16);
  auto rgb = new_frame(AV_PIX_FMT_RGB24, frame.width, frame.height);
  sws_scale(scaler, frame.data, frame.linesize, 0, frame.height, rgb->data, rgb->linesize);
  sws_freeContext(scaler);
  for (int y = 0; y < out.height; ++y)
    std::copy_n(rgb->data[0] + y * rgb->linesize[0], out.width * 3, out.row(y));
  return out;
}

FileFacts probe(const fs::path& path) {
  FileFacts out;
  AVFormatContext* format = nullptr;
  EXPECT_EQ(avformat_open_input(&format, path.c_str(), nullptr, nullptr), 0);
  if (!format) return out;
  EXPECT_GE(avformat_find_stream_info(format, nullptr), 0);
  out.seconds = static_cast<double>(format->duration) / AV_TIME_BASE;
  out.metadata = to_map(format->metadata);
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    const AVStream* s = format->streams[i];
    StreamFacts facts{s->codecpar->codec_type, s->codecpar->codec_id, s->codecpar->profile, *s->codecpar,
                      s->avg_frame_rate};
    facts.language = to_map(s->metadata)["language"];
    out.streams.push_back(facts);
  }
  const AVCodec* codec = avcodec_find_decoder_by_name("h264");
  auto decoder = own(avcodec_alloc_context3(codec));
  avcodec_parameters_to_context(decoder.get(), format->streams[0]->codecpar);
  avcodec_open2(decoder.get(), codec, nullptr);
  auto packet = own(av_packet_alloc());
  auto frame = own(av_frame_alloc());
  auto receive = [&] {
    while (avcodec_receive_frame(decoder.get(), frame.get()) == 0) out.frames.push_back(to_picture(*frame));
  };
  while (av_read_frame(format, packet.get()) == 0) {
    StreamFacts& s = out.streams[static_cast<size_t>(packet->stream_index)];
    const double base = av_q2d(format->streams[packet->stream_index]->time_base);
    s.first = std::min(s.first, static_cast<double>(packet->pts) * base);
    s.end = std::max(s.end, static_cast<double>(packet->pts + packet->duration) * base);
    ++s.packets;
    if (s.type == AVMEDIA_TYPE_SUBTITLE && packet->size > 2)
      s.texts.emplace_back(reinterpret_cast<char*>(packet->data) + 2, static_cast<size_t>(packet->size) - 2);
    if (packet->stream_index == 0) {
      avcodec_send_packet(decoder.get(), packet.get());
      receive();
    }
    av_packet_unref(packet.get());
  }
  avcodec_send_packet(decoder.get(), nullptr);
  receive();
  avformat_close_input(&format);
  return out;
}

VideoSettings full_settings(int width, int height) {
  VideoSettings out;
  out.width = width;
  out.height = height;
  out.sound_channels = 1;
  out.subtitles = {{0.5, 1.2, "A bear.\nIce."}, {1.5, 2.0, "狐 & <fox>"}};
  out.subtitle_language = "eng";
  out.metadata = VideoMetadata{"The bear", "a test", {{"prompts", "[\"bear\",\"ice\"]"}, {"seed", "7"}}};
  return out;
}

void write_video(const fs::path& path, const VideoSettings& settings, int frames) {
  VideoWriter writer(path, settings);
  std::vector<float> tone(4800);
  size_t at = 0;
  for (int i = 0; i < frames; ++i) {
    if (settings.sound_channels > 0 && i % 2 == 0) {
      for (float& v : tone) v = static_cast<float>(0.3 * std::sin(2 * std::numbers::pi * 440 * at++ / 48000));
      writer.add_sound(tone);
    }
    writer.add_frame(moving_frame(settings.width, settings.height, i));
  }
  writer.finish();
}

TEST(VideoWriter, WritesWhatPeopleExpect) {
  const ScratchFolder folder;
  const fs::path path = folder / "story.mp4";
  write_video(path, full_settings(192, 112), 40);
  EXPECT_EQ(folder.files(), 1u);

  const FileFacts facts = probe(path);
  ASSERT_EQ(facts.streams.size(), 3u);
  EXPECT_NEAR(facts.seconds, 2.5, 0.05);
  const StreamFacts* video = facts.find(AVMEDIA_TYPE_VIDEO);
  ASSERT_TRUE(video);
  EXPECT_EQ(video->codec, AV_CODEC_ID_H264);
  EXPECT_EQ(video->profile, FF_PROFILE_H264_HIGH);
  EXPECT_EQ(video->parameters.width, 192);
  EXPECT_EQ(video->parameters.height, 112);
  EXPECT_EQ(video->parameters.format, AV_PIX_FMT_YUV420P);
  EXPECT_EQ(video->parameters.color_space, AVCOL_SPC_BT709);
  EXPECT_EQ(video->parameters.color_primaries, AVCOL_PRI_BT709);
  EXPECT_EQ(video->parameters.color_trc, AVCOL_TRC_BT709);
  EXPECT_EQ(video->parameters.color_range, AVCOL_RANGE_MPEG);
  EXPECT_EQ(av_q2d(video->rate), 16);
  EXPECT_EQ(video->packets, 40);
  EXPECT_NEAR(video->first, 0, 1e-6);
  EXPECT_NEAR(video->end, 2.5, 1e-6);
  const StreamFacts* sound = facts.find(AVMEDIA_TYPE_AUDIO);
  ASSERT_TRUE(sound);
  EXPECT_EQ(sound->codec, AV_CODEC_ID_AAC);
  EXPECT_EQ(sound->parameters.sample_rate, 48000);
  EXPECT_NEAR(sound->end, 2.5, 0.03);

  ASSERT_EQ(facts.frames.size(), 40u);
  for (int i : {0, 17, 39})
    EXPECT_LT(mean_difference(facts.frames[static_cast<size_t>(i)], moving_frame(192, 112, i)), 6) << i;
}

TEST(VideoWriter, CarriesSubtitlesAndMetadata) {
  const ScratchFolder folder;
  const fs::path path = folder / "story.mp4";
  write_video(path, full_settings(64, 48), 40);
  const FileFacts facts = probe(path);
  const StreamFacts* subtitles = facts.find(AVMEDIA_TYPE_SUBTITLE);
  ASSERT_TRUE(subtitles);
  EXPECT_EQ(subtitles->codec, AV_CODEC_ID_MOV_TEXT);
  EXPECT_EQ(subtitles->language, "eng");
  EXPECT_THAT(subtitles->texts, ::testing::ElementsAre("A bear.\nIce.", "狐 & <fox>"));
  EXPECT_NEAR(subtitles->end, 2.0, 0.002);

  const auto& metadata = facts.metadata;
  EXPECT_EQ(metadata.at("title"), "The bear");
  EXPECT_EQ(metadata.at("comment"), "a test");
  EXPECT_EQ(metadata.at("prompts"), "[\"bear\",\"ice\"]");
  EXPECT_EQ(metadata.at("seed"), "7");
  EXPECT_THAT(metadata.at("generated"), HasSubstr("generated by a machine learning model"));
  EXPECT_THAT(metadata.at("digital_source_type"), HasSubstr("trainedAlgorithmicMedia"));
  EXPECT_EQ(metadata.count("creation_time"), 0u);
  EXPECT_EQ(metadata.count("encoder"), 0u);
  const std::string bytes = read_file(path, 1 << 24);
  EXPECT_THAT(bytes, HasSubstr("Iptc4xmpExt:DigitalSourceType"));
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));  // ready to stream
}

TEST(VideoWriter, WritesNoMetadataUnasked) {
  const ScratchFolder folder;
  VideoSettings settings = full_settings(64, 48);
  settings.metadata.reset();
  write_video(folder / "v.mp4", settings, 8);
  const std::string bytes = read_file(folder / "v.mp4", 1 << 24);
  for (const char* word : {"Iptc4xmpExt", "generated", "prompts", "trainedAlgorithmicMedia", "bear\""})
    EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  EXPECT_EQ(probe(folder / "v.mp4").metadata.count("title"), 0u);
}

TEST(VideoWriter, SameFramesSameBytes) {
  const ScratchFolder folder;
  write_video(folder / "a.mp4", full_settings(96, 64), 33);
  write_video(folder / "b.mp4", full_settings(96, 64), 33);
  EXPECT_EQ(read_file(folder / "a.mp4", 1 << 24), read_file(folder / "b.mp4", 1 << 24));
}

TEST(VideoWriter, SoundGivenAtOnceIsTheSameAsSoundGivenInPieces) {
  const ScratchFolder folder;
  std::vector<float> sound(48000 * 3);
  for (size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<float>(0.2 * std::sin(i * 0.03));
  for (const bool at_once : {true, false}) {
    VideoWriter writer(folder / (at_once ? "a.mp4" : "b.mp4"), full_settings(64, 48));
    if (at_once) writer.add_sound(sound);
    for (int i = 0; i < 40; ++i) {
      if (!at_once) writer.add_sound(std::span(sound).subspan(static_cast<size_t>(i) * 3600, 3600));
      writer.add_frame(moving_frame(64, 48, i));
    }
    writer.finish();
  }
  EXPECT_EQ(read_file(folder / "a.mp4", 1 << 24), read_file(folder / "b.mp4", 1 << 24));
}

TEST(VideoWriter, FillsMissingSoundAndCutsWhatIsOver) {
  const ScratchFolder folder;
  for (const size_t samples : {size_t{0}, size_t{1000}, size_t{480000}}) {
    VideoWriter writer(folder / "v.mp4", full_settings(64, 48));
    writer.add_sound(std::vector<float>(samples, 0.1f));
    for (int i = 0; i < 32; ++i) writer.add_frame(moving_frame(64, 48, i));
    writer.finish();
    const FileFacts facts = probe(folder / "v.mp4");
    EXPECT_NEAR(facts.seconds, 2.0, 0.03) << samples;
    EXPECT_NEAR(facts.find(AVMEDIA_TYPE_AUDIO)->end, 2.0, 0.03) << samples;
  }
}

TEST(VideoWriter, KeepsOddSizesExactly) {
  const ScratchFolder folder;
  VideoSettings settings;
  settings.width = 67;
  settings.height = 45;
  settings.frame_rate = {24000, 1001};
  write_video(folder / "odd.mp4", settings, 5);
  const FileFacts facts = probe(folder / "odd.mp4");
  EXPECT_EQ(facts.streams.size(), 1u);
  EXPECT_EQ(facts.streams[0].parameters.width, 67);
  EXPECT_EQ(facts.streams[0].parameters.height, 45);
  EXPECT_EQ(facts.streams[0].parameters.format, AV_PIX_FMT_YUV444P);
  EXPECT_NEAR(av_q2d(facts.streams[0].rate), 23.976, 0.001);
  ASSERT_EQ(facts.frames.size(), 5u);
  EXPECT_LT(mean_difference(facts.frames[2], moving_frame(67, 45, 2)), 4);
}

TEST(VideoWriter, FullDiskIsAnErrorThatLeavesNothing) {
  const ScratchFolder folder;
  // Small limits fail in the header or a frame, large ones in the index or when it is moved to the front.
  VideoSettings settings = full_settings(192, 112);
  write_video(folder / "whole.mp4", settings, 40);
  const auto whole = static_cast<rlim_t>(fs::file_size(folder / "whole.mp4"));
  fs::remove(folder / "whole.mp4");
  for (const rlim_t limit : {rlim_t{0}, rlim_t{100}, whole / 3, whole - 6000, whole - 1000, whole - 1}) {
    const std::string message = input_error([&] {
      const SmallDisk disk(limit);
      write_video(folder / "full.mp4", settings, 40);
    });
    EXPECT_THAT(message, HasSubstr("full.mp4")) << limit;
    EXPECT_THAT(message, HasSubstr("cannot be written")) << limit;
    EXPECT_EQ(folder.files(), 0u) << limit;
  }
}

TEST(VideoWriter, AFullDeviceIsAnErrorToo) {
  const ScratchFolder folder;
  // The temporary that the writer opens leads to a device which is always full.
  const fs::path path = folder / "v.mp4";
  fs::create_symlink("/dev/full", fs::path(path.string() + ".tmp-" + std::to_string(::getpid())));
  const std::string message = input_error([&] { write_video(path, full_settings(64, 48), 8); });
  EXPECT_THAT(message, HasSubstr("No space left on device"));
  EXPECT_EQ(folder.files(), 0u);
}

TEST(VideoWriter, RefusesFoldersItCannotWriteTo) {
  const ScratchFolder folder;
  EXPECT_THAT(input_error([&] { VideoWriter writer(folder / "missing/v.mp4", full_settings(64, 48)); }),
              HasSubstr("missing/v.mp4"));
  fs::create_directory(folder / "taken.mp4");
  EXPECT_THAT(input_error([&] { write_video(folder / "taken.mp4", full_settings(64, 48), 4); }),
              HasSubstr("taken.mp4"));
  EXPECT_EQ(folder.files(), 1u);
}

TEST(VideoWriter, LeavesNothingBehindWithoutFinish) {
  const ScratchFolder folder;
  {
    VideoWriter writer(folder / "v.mp4", full_settings(64, 48));
    writer.add_frame(moving_frame(64, 48, 0));
  }
  EXPECT_EQ(folder.files(), 0u);
}

TEST(VideoWriter, RefusesSettingsOutOfRange) {
  const ScratchFolder folder;
  auto refuses = [&](auto change) {
    VideoSettings settings = full_settings(64, 48);
    change(settings);
    input_error([&] { VideoWriter writer(folder / "v.mp4", settings); });
  };
  refuses([](VideoSettings& s) { s.width = 0; });
  refuses([](VideoSettings& s) { s.height = 100000; });
  refuses([](VideoSettings& s) { s.frame_rate = {0, 1}; });
  refuses([](VideoSettings& s) { s.frame_rate = {1000, 1}; });
  refuses([](VideoSettings& s) { s.crf = 99; });
  refuses([](VideoSettings& s) { s.preset = "nosuch"; });
}

TEST(VideoWriter, WritesNoLineOfTheLibrary) {
  const ScratchFolder folder;
  ::testing::internal::CaptureStderr();
  write_video(folder / "v.mp4", full_settings(64, 48), 8);
  input_error([&] { decode_picture(read_file(sample("444.jpg"), 1 << 20).substr(0, 900), "x"); });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace zoetrope
