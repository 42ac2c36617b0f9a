// The folder a story goes to: one story a folder, one run at a time, work files apart.
#pragma once

#include "pipeline/request.h"

namespace zoetrope {

class OutputFolder {
 public:
  // Makes the folder and DIR/.work and locks it. Throws InputError where it holds another story (unless
  // request.force), another run is at work in it, or it can't be written.
  OutputFolder(const MakeRequest& request, const std::string& request_hash);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;

  const fs::path& work() const { return work_; }
  // After success: removes the work files, unless they are to be kept.
  void finish();

 private:
  fs::path work_;
  bool keep_;
  int lock_ = -1;
};

}  // namespace zoetrope
