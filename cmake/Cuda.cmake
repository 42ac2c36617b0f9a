# The CUDA device: whether it is built, and how its sources are compiled. Where its parts are is found in CudaParts.cmake.

set(ZOETROPE_CUDA AUTO CACHE STRING "The CUDA device: ON, OFF, or AUTO (where its parts are found)")
set(zt_cuda_default_root ${CMAKE_SOURCE_DIR}/build/cuda)
if(DEFINED ENV{ZOETROPE_CUDA_ROOT})
  set(zt_cuda_default_root $ENV{ZOETROPE_CUDA_ROOT})
endif()
set(ZOETROPE_CUDA_ROOT ${zt_cuda_default_root} CACHE PATH "The folder of the unpacked wheels")
# Machine code for the chips that are supported, and PTX of the oldest for those to come. 90a is Hopper with the
# instructions that only Hopper has.
set(ZOETROPE_CUDA_ARCHS "80;89;90a;120" CACHE STRING "Compute capabilities to make machine code for; PTX is of 80, if in it")

function(zt_imported_library target file)
  add_library(${target} SHARED IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${file})
endfunction()

set(ZT_CUDA FALSE)
if(ZOETROPE_CUDA)  # AUTO is true, as ON is
  include(CudaParts)
  zt_find_cuda()
  if(ZT_CUDA_MISSING AND NOT ZOETROPE_CUDA STREQUAL AUTO AND ZOETROPE_CUDA_ROOT STREQUAL ${CMAKE_SOURCE_DIR}/build/cuda)
    execute_process(COMMAND bash -c "source ./zoetrope && bring_cuda_parts" WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    zt_find_cuda()
  endif()
  if(NOT ZT_CUDA_MISSING)
    set(ZT_CUDA TRUE)
  elseif(NOT ZOETROPE_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "ZOETROPE_CUDA is on, but neither is there a complete CUDA toolkit >= 12.8, nor are all of its parts in "
                        "${ZOETROPE_CUDA_ROOT}. Missing of cmake/cuda_wheels.txt: ${ZT_CUDA_MISSING}.")
  endif()
endif()
set(ZOETROPE_CUDA_BUILT ${ZT_CUDA} CACHE INTERNAL "Whether this build has the CUDA device; ./zoetrope reads it")

if(ZT_CUDA)
  message(STATUS "CUDA ${ZT_CUDA_VERSION}: ${ZT_NVCC}, ${ZT_CUDNN}")
  set(CMAKE_CUDA_COMPILER ${ZT_NVCC})
  set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # the flags are written below: they differ by architecture
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()

  zt_imported_library(zt_cublaslt ${ZT_CUBLASLT})
  zt_imported_library(zt_nvrtc ${ZT_NVRTC})
  zt_imported_library(zt_cudnn ${ZT_CUDNN})
  add_library(zt_cuda_parts INTERFACE)
  target_compile_definitions(zt_cuda_parts INTERFACE ZT_CUDA=1)
  target_include_directories(zt_cuda_parts SYSTEM INTERFACE ${ZT_CUDA_INCLUDE})
  # The runtime is linked statically, so that no second one is found beside it.
  target_link_libraries(zt_cuda_parts INTERFACE zt_cublaslt zt_cudnn zt_nvrtc ${ZT_CUDART} Threads::Threads dl rt)

  set(ZT_CUDA_FLAGS -O3 --expt-relaxed-constexpr -lineinfo -Xcompiler=-Wall,-Wextra,-fopenmp
      -Xcompiler=-Wno-missing-field-initializers,-Wno-unused-parameter,-march=x86-64-v3)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    list(APPEND ZT_CUDA_FLAGS -Werror=all-warnings -Xcompiler=-Werror)
  endif()
  foreach(arch ${ZOETROPE_CUDA_ARCHS})
    list(APPEND ZT_CUDA_FLAGS -gencode=arch=compute_${arch},code=sm_${arch})
    if(arch STREQUAL 80)
      list(APPEND ZT_CUDA_FLAGS -gencode=arch=compute_80,code=compute_80)
    endif()
  endforeach()
endif()
