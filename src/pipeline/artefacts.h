// The work files of a run: each is named by the hash of everything it depends on, and is there whole or not
// at all. A run that was broken off finds what it had finished.
#pragma once

#include <map>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/tensor.h"
#include "pipeline/stages.h"

namespace zoetrope {

// SHA-256 of this program's own file: artefacts of another build are not used.
const std::string& build_id();

class Artefacts {
 public:
  explicit Artefacts(fs::path folder) : folder_(std::move(folder)) {}

  const fs::path& folder() const { return folder_; }
  // DIR/.work/<stage>-<hash>.<extension>, hash over the build and the inputs.
  fs::path place(const std::string& stage, const std::string& inputs, const std::string& extension) const;
  bool has(const fs::path& artefact) const;

  // What a stage said of itself when it made the artefact, written before the artefact is: { planned,
  // measured, ... }.
  void note(const fs::path& artefact, const Json& facts) const;
  Json facts(const fs::path& artefact) const;

 private:
  fs::path folder_;
};

// The bytes of a session as facts of an artefact, and back into the report.
Json session_facts(const Session& session);
void add_stage(Stages& stages, const std::string& name, double seconds, const Json& facts);

}  // namespace zoetrope
