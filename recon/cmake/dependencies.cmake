# Imported targets of everything that is not ours. recon/setup installs what is looked for here.

# --- LibTorch: the files of the PyPI wheel. Its own TorchConfig.cmake insists on a CUDA toolkit, so it is not used.
if(NOT RECON_LIBTORCH)
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    if(EXISTS "${prefix}/lib/libtorch_cpu.so")
      set(RECON_LIBTORCH "${prefix}" CACHE PATH "" FORCE)
    endif()
  endforeach()
endif()
if(NOT RECON_LIBTORCH)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/recon/setup --print-libtorch
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
target_link_options(recon::libtorch INTERFACE "-Wl,-rpath,${RECON_LIBTORCH}/lib" "-Wl,--allow-shlib-undefined")
foreach(dir IN LISTS recon_cuda_runtime_dirs)
  target_link_options(recon::libtorch INTERFACE "-Wl,-rpath,${dir}")
endforeach()
target_link_libraries(recon::libtorch INTERFACE "${RECON_LIBTORCH}/lib/libtorch_cpu.so" "${RECON_LIBTORCH}/lib/libc10.so")

# --- Debian packages
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
add_library(recon::cli11 ALIAS CLI11::CLI11)

pkg_check_modules(FFTWF REQUIRED IMPORTED_TARGET fftw3f)
pkg_check_modules(FFTW REQUIRED IMPORTED_TARGET fftw3)
add_library(recon::fftw INTERFACE IMPORTED)
target_link_libraries(recon::fftw INTERFACE PkgConfig::FFTWF PkgConfig::FFTW fftw3f_threads fftw3_threads Threads::Threads)

pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
add_library(recon::zip ALIAS PkgConfig::LIBZIP)

set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 REQUIRED COMPONENTS C)
add_library(recon::hdf5 INTERFACE IMPORTED)
target_include_directories(recon::hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(recon::hdf5 INTERFACE ${HDF5_C_LIBRARIES})
pkg_check_modules(LZF REQUIRED IMPORTED_TARGET liblzf)  # decoder of h5py's own compression
find_package(ZLIB REQUIRED)
target_link_libraries(recon::hdf5 INTERFACE PkgConfig::LZF ZLIB::ZLIB)

find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
add_library(recon::opencv INTERFACE IMPORTED)
target_include_directories(recon::opencv SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
target_link_libraries(recon::opencv INTERFACE opencv_core opencv_imgproc opencv_imgcodecs)

# Its own ISMRMRDConfig.cmake insists on PugiXML's development files, which only the library itself was built with.
find_path(RECON_ISMRMRD_INCLUDE ismrmrd/dataset.h REQUIRED)
find_library(RECON_ISMRMRD_LIBRARY ismrmrd REQUIRED)
add_library(recon::ismrmrd INTERFACE IMPORTED)
target_include_directories(recon::ismrmrd SYSTEM INTERFACE ${RECON_ISMRMRD_INCLUDE} ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(recon::ismrmrd INTERFACE ${RECON_ISMRMRD_LIBRARY})

find_package(TIFF REQUIRED)

find_package(OpenSSL REQUIRED COMPONENTS Crypto)
add_library(recon::crypto ALIAS OpenSSL::Crypto)
