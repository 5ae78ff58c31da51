# recon::libtorch: the files of the PyPI wheel. Its own TorchConfig.cmake insists on a CUDA toolkit, so it is not used.
# Serves the build and, installed, find_package(recon).
if(NOT RECON_LIBTORCH)
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    if(EXISTS "${prefix}/lib/libtorch_cpu.so")
      set(RECON_LIBTORCH "${prefix}" CACHE PATH "" FORCE)
    endif()
  endforeach()
endif()
if(NOT RECON_LIBTORCH)
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../setup --print-libtorch
                  OUTPUT_VARIABLE recon_found OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(RECON_LIBTORCH "${recon_found}" CACHE PATH "" FORCE)
endif()
if(NOT EXISTS "${RECON_LIBTORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch not found (looked for '${RECON_LIBTORCH}/lib/libtorch_cpu.so'). "
                      "Run recon/setup, or set RECON_LIBTORCH to a LibTorch 2.11 folder.")
endif()
message(STATUS "LibTorch: ${RECON_LIBTORCH}")
add_library(recon::libtorch INTERFACE IMPORTED)
# The wheel bundles headers of other libraries (fmt 12, ...): searched last, so that Debian's match Debian's libraries.
target_compile_options(recon::libtorch INTERFACE 
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${RECON_LIBTORCH}/include>"
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${RECON_LIBTORCH}/include/torch/csrc/api/include>")
file(GLOB recon_cuda_runtime_dirs "${RECON_LIBTORCH}/../nvidia/cu*/lib" "${RECON_LIBTORCH}/../nvidia/*/lib")
target_link_options(recon::libtorch INTERFACE "-Wl,--allow-shlib-undefined")
list(APPEND CMAKE_BUILD_RPATH "${RECON_LIBTORCH}/lib" ${recon_cuda_runtime_dirs})
target_link_libraries(recon::libtorch INTERFACE "${RECON_LIBTORCH}/lib/libtorch_cpu.so" "${RECON_LIBTORCH}/lib/libc10.so")
