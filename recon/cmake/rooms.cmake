# recon_room(NAME DIR folder LINKS libs...): the static library recon_NAME of all sources under the folder, installed with
# its headers as recon::NAME. A room named in LINKS by its short name (core) links recon_core. All rooms share one
# precompiled header (ATen).
function(recon_room name)
  cmake_parse_arguments(ROOM "" "DIR" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${ROOM_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "_cuda\\.cpp$")  # host side of recon_cuda, see cuda_backend.cmake
  add_library(recon_${name} STATIC ${sources})
  target_include_directories(recon_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/recon>)
  target_compile_features(recon_${name} INTERFACE cxx_std_20)  # of whoever uses the headers
  foreach(link IN LISTS ROOM_LINKS)
    if(TARGET recon_${link})
      target_link_libraries(recon_${name} PUBLIC recon_${link})
    else()
      target_link_libraries(recon_${name} PUBLIC ${link})
    endif()
  endforeach()
  if(RECON_UNITY)
    set_target_properties(recon_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
  if(name STREQUAL "core")
    target_precompile_headers(recon_core PRIVATE "${PROJECT_SOURCE_DIR}/recon/cmake/precompiled.h")
    recon_precompiled_checksum(recon_core "${PROJECT_SOURCE_DIR}/recon/cmake/precompiled.h")
  else()
    target_precompile_headers(recon_${name} REUSE_FROM recon_core)
  endif()
  set_target_properties(recon_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY RECON_ROOMS recon_${name})
  install(TARGETS recon_${name} EXPORT recon ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(DIRECTORY ${ROOM_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/recon/${ROOM_DIR} COMPONENT headers
          FILES_MATCHING PATTERN "*.h")
endfunction()
