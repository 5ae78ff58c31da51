# Language standard, warnings, sanitizers, linker, ccache: everything that concerns how, not what, is compiled.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fPIC>)  # everywhere alike, so that programs share the precompiled header
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")  # asserts stay on: they are cheap beside the tensor work they guard

add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wall> $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
                    $<$<COMPILE_LANGUAGE:CXX>:-Wconversion> $<$<COMPILE_LANGUAGE:CXX>:-Wshadow>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of g++ 12 inside std::string (GCC bugs 105329 and 105651, cured in 13).
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict> $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds>)
endif()
if(RECON_WERROR)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(RECON_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(RECON_MOLD mold)
if(RECON_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_program(RECON_CCACHE ccache)
if(RECON_CCACHE)
  # Precompiled headers need these; base_dir lets clones in other folders share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_PCH_EXTSUM=1
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${RECON_CCACHE})
endif()

# A file that sees ATen takes up to 1.3 GB: bound the parallel compiles by memory, not only by cores.
cmake_host_system_information(RESULT recon_memory_mib QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT recon_cores QUERY NUMBER_OF_LOGICAL_CORES)
math(EXPR recon_jobs "${recon_memory_mib} / 1500")
if(recon_jobs GREATER recon_cores)
  set(recon_jobs ${recon_cores})
elseif(recon_jobs LESS 1)
  set(recon_jobs 1)
endif()
set_property(GLOBAL PROPERTY JOB_POOLS compile=${recon_jobs})
set(CMAKE_JOB_POOL_COMPILE compile)

# recon_precompiled_checksum(TARGET HEADER): what ccache takes for the target's precompiled header. The compiled file
# itself holds the checkout's path, and reading its 400 MB takes longer than many a file takes to compile.
function(recon_precompiled_checksum target header)
  file(SHA256 "${header}" checksum)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  get_directory_property(options COMPILE_OPTIONS)
  file(WRITE "${CMAKE_BINARY_DIR}/checksum.new"
       "${checksum} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}} ${options} ${RECON_LIBTORCH} ${fmt_VERSION}")
  get_target_property(folder ${target} BINARY_DIR)
  file(MAKE_DIRECTORY "${folder}/CMakeFiles/${target}.dir")
  file(RENAME "${CMAKE_BINARY_DIR}/checksum.new" "${folder}/CMakeFiles/${target}.dir/cmake_pch.hxx.gch.sum")
endfunction()
