# Writes OUTPUT with the revision of the checkout SOURCE ("-dirty": with changes that are not committed), if it differs.
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT revision)
  set(revision "unknown")  # a tarball, or no git here
endif()
file(WRITE "${OUTPUT}.new" "#pragma once\n// Made by recon/cmake/git_revision.cmake.\nnamespace recon {\ninline constexpr const char* git_revision = \"${revision}\";\n}\n")
execute_process(COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${OUTPUT}.new" "${OUTPUT}")
