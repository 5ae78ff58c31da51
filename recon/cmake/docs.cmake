# The target `docs`: API pages from the header comments, in BUILD/docs/index.html. A warning of Doxygen is an error.
find_package(Doxygen QUIET)
if(DOXYGEN_FOUND)
  configure_file("${PROJECT_SOURCE_DIR}/recon/docs/Doxyfile.in" "${CMAKE_BINARY_DIR}/Doxyfile" @ONLY)
  add_custom_target(docs COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/docs"
                         COMMAND "${DOXYGEN_EXECUTABLE}" "${CMAKE_BINARY_DIR}/Doxyfile"
                    COMMENT "API pages: ${CMAKE_BINARY_DIR}/docs/index.html" VERBATIM)
else()
  add_custom_target(docs COMMAND "${CMAKE_COMMAND}" -E echo "The API pages need Doxygen: apt install doxygen, then configure again"
                         COMMAND "${CMAKE_COMMAND}" -E false VERBATIM)
endif()
