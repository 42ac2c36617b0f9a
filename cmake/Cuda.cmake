# The CUDA device: where its parts are, and how its sources are compiled.
#
# An installed toolkit is taken first, if it is complete and not older than 12.8. Else, and for what a toolkit never has
# (cudnn-frontend, often cuDNN), the parts are PyPI wheels, unpacked as they are into one folder, ZOETROPE_CUDA_ROOT:
#   nvidia/cu13/{bin,include,lib,nvvm}   compiler, runtime, cuBLASLt, NVRTC
#   nvidia/cudnn/{include,lib}           cuDNN
#   include/cudnn_frontend.h             cudnn-frontend, headers only

set(ZOETROPE_CUDA AUTO CACHE STRING "The CUDA device: ON, OFF, or AUTO (where its parts are found)")
set(zt_cuda_default_root ${CMAKE_SOURCE_DIR}/build/cuda)
if(DEFINED ENV{ZOETROPE_CUDA_ROOT})
  set(zt_cuda_default_root $ENV{ZOETROPE_CUDA_ROOT})
endif()
set(ZOETROPE_CUDA_ROOT ${zt_cuda_default_root} CACHE PATH "The folder of the unpacked wheels")
# Machine code for the chips that are supported, and PTX of the oldest for those to come. 90a is Hopper with the
# instructions that only Hopper has.
set(ZOETROPE_CUDA_ARCHS "80;89;90a;120" CACHE STRING "Compute capabilities to make machine code for; PTX is of 80, if in it")

# Looks in the given folders for everything that a toolkit has to have, afresh every time: sets ZT_NVCC, ZT_CUDA_INCLUDE,
# ZT_CUBLASLT, ZT_NVRTC, ZT_CUDART, and ZT_TOOLKIT to its version, or to FALSE where it is not complete or too old.
macro(zt_find_toolkit)
  find_program(ZT_NVCC NAMES nvcc PATHS ${ARGN} PATH_SUFFIXES bin NO_CACHE NO_DEFAULT_PATH)
  find_path(ZT_CUDA_INCLUDE NAMES cublasLt.h PATHS ${ARGN} PATH_SUFFIXES include NO_CACHE NO_DEFAULT_PATH)
  find_path(ZT_NVRTC_INCLUDE NAMES nvrtc.h PATHS ${ARGN} PATH_SUFFIXES include NO_CACHE NO_DEFAULT_PATH)
  find_library(ZT_CUBLASLT NAMES cublasLt libcublasLt.so.13 PATHS ${ARGN} PATH_SUFFIXES lib64 lib NO_CACHE NO_DEFAULT_PATH)
  find_library(ZT_NVRTC NAMES nvrtc libnvrtc.so.13 PATHS ${ARGN} PATH_SUFFIXES lib64 lib NO_CACHE NO_DEFAULT_PATH)
  find_library(ZT_CUDART NAMES cudart_static PATHS ${ARGN} PATH_SUFFIXES lib64 lib NO_CACHE NO_DEFAULT_PATH)
  set(ZT_TOOLKIT FALSE)
  if(ZT_NVCC AND ZT_CUDA_INCLUDE AND ZT_NVRTC_INCLUDE AND ZT_CUBLASLT AND ZT_NVRTC AND ZT_CUDART)
    execute_process(COMMAND ${ZT_NVCC} --version OUTPUT_VARIABLE zt_nvcc_says ERROR_QUIET)
    if(zt_nvcc_says MATCHES "release ([0-9.]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL 12.8)
      set(ZT_TOOLKIT ${CMAKE_MATCH_1})
    endif()
  endif()
endmacro()

# cuDNN of the system only beside a toolkit of the system: the two must be of one CUDA.
macro(zt_find_cudnn)
  find_path(ZT_CUDNN_INCLUDE NAMES cudnn.h PATHS ${ARGN} PATH_SUFFIXES include include/${CMAKE_LIBRARY_ARCHITECTURE}
            NO_CACHE NO_DEFAULT_PATH)
  find_library(ZT_CUDNN NAMES libcudnn.so.9 PATHS ${ARGN} PATH_SUFFIXES lib lib64 lib/${CMAKE_LIBRARY_ARCHITECTURE}
               NO_CACHE NO_DEFAULT_PATH)
endmacro()

macro(zt_find_cuda)
  zt_find_toolkit($ENV{CUDA_PATH} /usr/local/cuda)
  if(ZT_TOOLKIT)
    zt_find_cudnn(${ZOETROPE_CUDA_ROOT}/nvidia/cudnn /usr /usr/local/cuda)
  else()
    foreach(zt_part NVCC CUDA_INCLUDE NVRTC_INCLUDE CUBLASLT NVRTC CUDART)
      unset(ZT_${zt_part})
    endforeach()
    zt_find_toolkit(${ZOETROPE_CUDA_ROOT}/nvidia/cu13)
    zt_find_cudnn(${ZOETROPE_CUDA_ROOT}/nvidia/cudnn)
  endif()
  find_path(ZT_CUDNN_FRONTEND_INCLUDE NAMES cudnn_frontend.h PATHS ${ZOETROPE_CUDA_ROOT} PATH_SUFFIXES include
            NO_CACHE NO_DEFAULT_PATH)
endmacro()

function(zt_imported_library target file)
  add_library(${target} SHARED IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${file})
endfunction()

set(ZT_CUDA FALSE)
if(ZOETROPE_CUDA)  # AUTO is true, as ON is
  zt_find_cuda()
  if(ZT_TOOLKIT AND ZT_CUDNN AND ZT_CUDNN_INCLUDE AND ZT_CUDNN_FRONTEND_INCLUDE)
    set(ZT_CUDA TRUE)
  elseif(NOT ZOETROPE_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "ZOETROPE_CUDA is on, but there is neither a complete CUDA toolkit >= 12.8 with cuDNN 9, nor are its "
                        "parts in ${ZOETROPE_CUDA_ROOT}. `./zoetrope --cuda` brings them there.")
  endif()
endif()

if(ZT_CUDA)
  message(STATUS "CUDA ${ZT_TOOLKIT}: ${ZT_NVCC}, ${ZT_CUDNN}")
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
  target_include_directories(zt_cuda_parts SYSTEM INTERFACE ${ZT_CUDA_INCLUDE} ${ZT_CUDNN_INCLUDE}
                             ${ZT_CUDNN_FRONTEND_INCLUDE})
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
