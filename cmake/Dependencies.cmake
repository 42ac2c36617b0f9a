# Every library the program is built on, by the names Debian gives them. Each is linked by the one folder that wraps it.
# ./zoetrope installs the packages they come from; its list and this one belong together.

option(ZOETROPE_TESTS "Build the tests (GoogleTest)" ON)
option(ZOETROPE_FUZZ "Build the libFuzzer targets (clang++ only)" OFF)
option(ZOETROPE_ENGINE_ONLY "Build what runs a model, and nothing that reads or writes text, sound and pictures" OFF)

find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)
if(ZOETROPE_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# The engine alone is for machines that have none of these libraries: cmake/Engine.cmake puts the small ones of those above
# beside the program, and those below are not used. Its products on the CPU are our own, because OpenBLAS is larger than
# all the rest. Its tests are those that a GPU can fail, and look for their data from the folder they are started in.
if(ZOETROPE_ENGINE_ONLY)
  set(ZT_LEFT_OUT "/(one_thread_gemm_openblas|commands_all|demo_writer_test|pipeline_goldens_test)\\.cpp$")
  set(ZT_TESTED "^(cuda|ops|end_to_end)$")
  set(ZT_SOURCE_DIR .)
  set(ZT_TEST_FOLDER ${CMAKE_SOURCE_DIR})
  add_link_options(-Wl,--as-needed -s)
  return()
endif()
set(ZT_LEFT_OUT "/(one_thread_gemm_tile|commands_engine)\\.cpp$")
set(ZT_TESTED "")
set(ZT_SOURCE_DIR ${CMAKE_SOURCE_DIR})
set(ZT_TEST_FOLDER ${CMAKE_BINARY_DIR})

pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libswresample libavutil)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(FREETYPE REQUIRED IMPORTED_TARGET freetype2)

# OpenBLAS, the build that runs its products on OpenMP's threads. Debian has three builds (pthread, OpenMP, serial) in
# folders of their own behind one name, and what the name means on a machine depends on what else is installed: pthread
# wins wherever it is. That build would start a second pool of threads beside ours, and the order of its sums, so the
# bytes of a result, would differ. Hence the folder is named, here and in the run path. Where it is not found (another
# distribution) the library that pkg-config names is taken, and said.
find_library(ZOETROPE_OPENBLAS NAMES openblas PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH)
find_path(ZOETROPE_OPENBLAS_INCLUDE NAMES cblas.h
          PATHS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH)
add_library(zt_openblas INTERFACE)
if(ZOETROPE_OPENBLAS AND ZOETROPE_OPENBLAS_INCLUDE)
  get_filename_component(openblas_folder ${ZOETROPE_OPENBLAS} DIRECTORY)
  target_include_directories(zt_openblas SYSTEM INTERFACE ${ZOETROPE_OPENBLAS_INCLUDE})
  target_link_libraries(zt_openblas INTERFACE ${ZOETROPE_OPENBLAS})
  target_link_options(zt_openblas INTERFACE -Wl,-rpath,${openblas_folder})
else()
  pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
  target_link_libraries(zt_openblas INTERFACE PkgConfig::OPENBLAS)
  message(WARNING "OpenBLAS: no openblas-openmp folder; using ${OPENBLAS_LINK_LIBRARIES}. If that build has threads "
                  "of its own, runs are slower and their bytes may differ from those of the OpenMP build.")
endif()
