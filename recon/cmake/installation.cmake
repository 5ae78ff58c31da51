# `cmake --install`: a tree that may be moved as a whole. Components: runtime (the program and its files), headers (what
# plug-ins are compiled against), development (static libraries for find_package(recon)).
set_target_properties(recon PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/recon;${CMAKE_BUILD_RPATH}")
# The older sort of rpath serves the libraries' own needs, too: a folder of libraries beside the program needs no patching.
target_link_options(recon PRIVATE LINKER:--disable-new-dtags)
install(TARGETS recon RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
if(TARGET recon_cuda)
  set_target_properties(recon_cuda PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/recon;${CMAKE_BUILD_RPATH}")
  # Looked for beside the program, see recon/core/cuda_backend.cpp. The target `recon` does not build it.
  install(TARGETS recon_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime OPTIONAL)
endif()

install(DIRECTORY priors/weights/ DESTINATION ${RECON_SHARE}/priors COMPONENT runtime)
install(DIRECTORY data/samples DESTINATION ${RECON_SHARE}/data COMPONENT runtime PATTERN "*.py" EXCLUDE)
install(DIRECTORY configs DESTINATION ${RECON_SHARE} COMPONENT runtime)
# In the folders of the source tree, so that the links between pages hold.
foreach(page README.md LICENSE .github/CITATION.cff data/FORMAT.md data/README.md operators/README.md priors/README.md)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${page}")
    get_filename_component(folder ${page} DIRECTORY)
    install(FILES ${page} DESTINATION ${RECON_DOC}/${folder} COMPONENT runtime)
  endif()
endforeach()
install(DIRECTORY recon/docs DESTINATION ${RECON_DOC}/recon COMPONENT runtime
        FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg")

# Manual pages and completion are what the program itself says.
install(CODE "execute_process(COMMAND \"$<TARGET_FILE:recon>\" man --output \"${CMAKE_BINARY_DIR}/manual\" RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR \"recon man failed (\${failed})\")
endif()" COMPONENT runtime)
install(DIRECTORY "${CMAKE_BINARY_DIR}/manual/man1" "${CMAKE_BINARY_DIR}/manual/man7" DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT runtime)
install(FILES "${CMAKE_BINARY_DIR}/manual/recon.bash" DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME recon COMPONENT runtime)
install(FILES "${CMAKE_BINARY_DIR}/manual/_recon" DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT runtime)
install(FILES "${CMAKE_BINARY_DIR}/manual/recon.fish" DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
        COMPONENT runtime)

# find_package(recon), with the target recon::plugin alone (COMPONENTS plugin) or with the rooms' libraries.
include(CMakePackageConfigHelpers)
configure_package_config_file(recon/cmake/reconConfig.cmake.in "${CMAKE_BINARY_DIR}/reconConfig.cmake"
                              INSTALL_DESTINATION ${RECON_CMAKE})
write_basic_package_version_file("${CMAKE_BINARY_DIR}/reconConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/reconConfig.cmake" "${CMAKE_BINARY_DIR}/reconConfigVersion.cmake"
        recon/cmake/libtorch.cmake recon/cmake/dependencies.cmake DESTINATION ${RECON_CMAKE} COMPONENT headers)
install(PROGRAMS recon/setup DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake COMPONENT headers)  # where libtorch.cmake looks
install(FILES "${recon_stamp_header}" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/recon/recon/core COMPONENT headers)
install(EXPORT recon NAMESPACE recon:: FILE reconTargets.cmake DESTINATION ${RECON_CMAKE} COMPONENT development)
