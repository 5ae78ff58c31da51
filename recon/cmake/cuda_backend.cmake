# recon_cuda: the shared library that is loaded at run time when a GPU is asked for. Built where nvcc is.
if(RECON_CUDA STREQUAL "OFF")
  return()
endif()
include(CheckLanguage)
file(GLOB recon_nvcc_candidates /usr/local/cuda*/bin/nvcc)
find_program(RECON_NVCC nvcc HINTS ENV CUDACXX /usr/local/cuda/bin)
if(NOT RECON_NVCC OR NOT EXISTS "${RECON_LIBTORCH}/lib/libtorch_cuda.so")
  if(RECON_CUDA STREQUAL "ON")
    message(FATAL_ERROR "RECON_CUDA=ON needs nvcc (found '${RECON_NVCC}') and ${RECON_LIBTORCH}/lib/libtorch_cuda.so")
  endif()
  message(STATUS "recon_cuda: not built (no nvcc, or a CPU-only LibTorch)")
  return()
endif()

# Of the wanted architectures, those that this toolkit knows.
execute_process(COMMAND ${RECON_NVCC} --list-gpu-arch OUTPUT_VARIABLE recon_known_architectures)
set(recon_architectures "")
foreach(architecture 75 80 86 89 90 100)
  if(recon_known_architectures MATCHES "compute_${architecture}\n")
    list(APPEND recon_architectures ${architecture}-real)
    set(recon_newest ${architecture})
  endif()
endforeach()
list(APPEND recon_architectures ${recon_newest}-virtual)  # PTX, for devices that are newer than the toolkit
set(CMAKE_CUDA_COMPILER ${RECON_NVCC})
set(CMAKE_CUDA_ARCHITECTURES ${recon_architectures} CACHE STRING "GPU architectures of recon_cuda")
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)
message(STATUS "recon_cuda: ${RECON_NVCC}, sm_${CMAKE_CUDA_ARCHITECTURES}")

file(GLOB_RECURSE sources CONFIGURE_DEPENDS recon/*_cuda.cpp recon/*.cu operators/*_cuda.cpp operators/*.cu)
add_library(recon_cuda SHARED ${sources})
target_include_directories(recon_cuda PRIVATE "${PROJECT_SOURCE_DIR}")
list(JOIN CMAKE_CUDA_ARCHITECTURES " " recon_architectures)
set_source_files_properties(recon/core/cuda_backend_cuda.cpp PROPERTIES COMPILE_DEFINITIONS
                            "RECON_CUDA_ARCHITECTURES=\"${recon_architectures}\"")
target_include_directories(recon_cuda SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
# No symbol of libtorch_cuda is used here, and yet its kernels register as it is loaded.
target_link_libraries(recon_cuda PRIVATE recon::libtorch fmt::fmt -Wl,--no-as-needed
                      "${RECON_LIBTORCH}/lib/libtorch_cuda.so" -Wl,--as-needed "${RECON_LIBTORCH}/lib/libc10_cuda.so")
set_target_properties(recon_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
