#include "pipeline/artefacts.h"

namespace zoetrope {

const std::string& build_id() {
  static const std::string id = sha256_of_file(fs::read_symlink("/proc/self/exe"));
  return id;
}

fs::path Artefacts::place(const std::string& stage, const std::string& inputs,
                          const std::string& extension) const {
  return folder_ /
         (stage + "-" + sha256_of(build_id() + "\n" + stage + "\n" + inputs).substr(0, 24) + "." + extension);
}

bool Artefacts::has(const fs::path& artefact) const {
  std::error_code ignored;
  return fs::is_regular_file(artefact, ignored) && fs::is_regular_file(artefact.string() + ".json", ignored);
}

void Artefacts::note(const fs::path& artefact, const Json& facts) const {
  write_file_atomically(artefact.string() + ".json", facts.dump());
}

Json Artefacts::facts(const fs::path& artefact) const {
  return Json::parse_file(artefact.string() + ".json", 1 << 20);
}

Json session_facts(const Session& session) {
  Json facts = Json::object();
  facts.set("planned_peak_bytes", session.plan().peak_bytes);
  facts.set("measured_peak_bytes", session.measured_peak_bytes());
  return facts;
}

void add_stage(Stages& stages, const std::string& name, double seconds, const Json& facts) {
  stages.add(name, seconds, facts.integer_or("planned_peak_bytes", 0),
             facts.integer_or("measured_peak_bytes", 0));
}

}  // namespace zoetrope
