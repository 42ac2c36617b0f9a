#include "base/threads.h"

#include <omp.h>

#include <algorithm>

namespace zoetrope {

int set_thread_count(int threads) {
  omp_set_dynamic(0);
  omp_set_num_threads(threads > 0 ? threads : std::max(1, omp_get_num_procs()));
  return omp_get_max_threads();
}

int thread_count() { return omp_get_max_threads(); }

}  // namespace zoetrope
