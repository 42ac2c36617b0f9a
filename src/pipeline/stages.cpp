#include "pipeline/stages.h"

#include <algorithm>
#include <chrono>

namespace zoetrope {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Stages::add(const std::string& name, double seconds, const Session* session) {
  add(name, seconds, session ? session->plan().peak_bytes : 0, session ? session->measured_peak_bytes() : 0);
}

void Stages::add(const std::string& name, double seconds, int64_t planned_peak_bytes,
                 int64_t measured_peak_bytes) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&](const StageReport& r) { return r.name == name; });
  if (row == rows_.end()) row = rows_.insert(rows_.end(), {.name = name});
  row->seconds += seconds;
  row->planned_peak_bytes = std::max(row->planned_peak_bytes, planned_peak_bytes);
  row->measured_peak_bytes = std::max(row->measured_peak_bytes, measured_peak_bytes);
}

Json Stages::json() const {
  Json list = Json::array();
  for (const StageReport& row : rows_) {
    Json entry = Json::object();
    entry.set("name", row.name);
    entry.set("planned_peak_bytes", row.planned_peak_bytes);
    entry.set("measured_peak_bytes", row.measured_peak_bytes);
    entry.set("seconds", row.seconds);
    list.push_back(std::move(entry));
  }
  return list;
}

Stopwatch::Stopwatch() : start_(now()) {}
double Stopwatch::seconds() const { return now() - start_; }

}  // namespace zoetrope
