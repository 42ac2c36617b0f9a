#include "pipeline/output_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/json.h"

namespace zoetrope {
namespace {

// The hash of the story that a folder holds or that was begun in it; empty where there is none.
std::string story_in(const fs::path& out, const fs::path& work) {
  if (fs::exists(work / "request.json"))
    return Json::parse_file((work / "request.json").string(), 1 << 16).string_or("request", "unknown");
  if (fs::exists(out / "report.json"))
    return Json::parse_file((out / "report.json").string(), 64 << 20).string_or("request", "unknown");
  for (const char* name : {"story.mp4", "storyboard.json", "story.srt", "sheet.png"})
    if (fs::exists(out / name)) return "unknown";
  return {};
}

}  // namespace

OutputFolder::OutputFolder(const MakeRequest& request, const std::string& request_hash)
    : work_(request.out / ".work"), keep_(request.keep_work) {
  make_folder(work_);
  lock_ = ::open((work_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0)
    throw InputError(std::string("cannot be written: ") + std::strerror(errno), request.out.string(),
                     "choose another folder with --out");
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw InputError("another run is at work in this folder", request.out.string(),
                     "wait for it or choose another --out");
  }
  const std::string present = story_in(request.out, work_);
  // Drawing a shot again is a change to the story that is there.
  if (!present.empty() && present != request_hash && !request.force && !request.shot) {
    const bool begun = fs::exists(work_ / "request.json");
    if (!begun) fs::remove_all(work_);
    ::close(lock_);
    throw InputError("holds another story", request.out.string(),
                     "choose another --out, or replace it with --force");
  }
  write_file_atomically(work_ / "request.json", Json::object().set("request", request_hash).dump());
}

OutputFolder::~OutputFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void OutputFolder::finish() {
  if (keep_) return;
  std::error_code ignored;
  fs::remove_all(work_, ignored);
}

}  // namespace zoetrope
