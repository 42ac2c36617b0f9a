// The host threads of one run. One pool for everything: OpenMP's, which OpenBLAS uses as well.
#pragma once

namespace zoetrope {

// 0 asks for one thread a core. Returns the number in force. Same seed, build and thread count: same bytes.
int set_thread_count(int threads);
int thread_count();

}  // namespace zoetrope
