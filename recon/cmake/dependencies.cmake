# Imported targets of Debian's libraries. recon/setup installs what is looked for here. Serves the build and, installed,
# find_package(recon).

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

# OpenCV draws panels. Its own OpenCVConfig.cmake comes with all modules: the picture codecs alone load 120 libraries.
find_path(RECON_OPENCV_INCLUDE opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)
find_library(RECON_OPENCV_CORE opencv_core REQUIRED)
find_library(RECON_OPENCV_IMGPROC opencv_imgproc REQUIRED)
add_library(recon::opencv INTERFACE IMPORTED)
target_include_directories(recon::opencv SYSTEM INTERFACE ${RECON_OPENCV_INCLUDE})
target_link_libraries(recon::opencv INTERFACE ${RECON_OPENCV_IMGPROC} ${RECON_OPENCV_CORE})

# Picture codecs.
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(TIFF REQUIRED)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp)
add_library(recon::codecs INTERFACE IMPORTED)
target_link_libraries(recon::codecs INTERFACE PNG::PNG JPEG::JPEG TIFF::TIFF PkgConfig::WEBP)

# Cameras' raw files; the library for programs with threads. Its .pc file brings flags of its own build along.
find_path(RECON_LIBRAW_INCLUDE libraw/libraw.h REQUIRED)
find_library(RECON_LIBRAW_LIBRARY raw_r REQUIRED)
add_library(recon::libraw INTERFACE IMPORTED)
target_include_directories(recon::libraw SYSTEM INTERFACE ${RECON_LIBRAW_INCLUDE})
target_link_libraries(recon::libraw INTERFACE ${RECON_LIBRAW_LIBRARY})

# Its own ISMRMRDConfig.cmake insists on PugiXML's development files, which only the library itself was built with.
find_path(RECON_ISMRMRD_INCLUDE ismrmrd/dataset.h REQUIRED)
find_library(RECON_ISMRMRD_LIBRARY ismrmrd REQUIRED)
add_library(recon::ismrmrd INTERFACE IMPORTED)
target_include_directories(recon::ismrmrd SYSTEM INTERFACE ${RECON_ISMRMRD_INCLUDE} ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(recon::ismrmrd INTERFACE ${RECON_ISMRMRD_LIBRARY})

find_package(OpenSSL REQUIRED COMPONENTS Crypto)
add_library(recon::crypto ALIAS OpenSSL::Crypto)
