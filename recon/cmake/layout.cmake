# Folders of an installation, relative to its prefix, which may be moved as a whole; and the build tree in its likeness, so
# that a program finds recon's own files (recon/core/resources.h) by one rule in both.
set(CMAKE_INSTALL_LIBDIR lib)  # not lib/x86_64-linux-gnu: found relative to bin
include(GNUInstallDirs)
set(RECON_SHARE ${CMAKE_INSTALL_DATADIR}/recon)
set(RECON_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/recon)
set(RECON_DOC ${CMAKE_INSTALL_DOCDIR})

file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/share/recon/data")
foreach(pair priors=priors/weights data/samples=data/samples configs=configs)
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 name)
  list(GET pair 1 source)
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${source}" "${CMAKE_BINARY_DIR}/share/recon/${name}" SYMBOLIC)
endforeach()
