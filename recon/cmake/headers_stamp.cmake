# Writes OUTPUT with a checksum of all headers that a plug-in may include, if it differs: code that was compiled against
# other headers may take the memory of a class for something else.
file(GLOB_RECURSE headers RELATIVE "${SOURCE}" "${SOURCE}/recon/core/*.h" "${SOURCE}/operators/*.h" "${SOURCE}/priors/*.h"
     "${SOURCE}/data/*.h" "${SOURCE}/recon/solvers/*.h" "${SOURCE}/recon/metrics/*.h" "${SOURCE}/recon/report/*.h"
     "${SOURCE}/recon/config/*.h" "${SOURCE}/recon/pipeline/*.h")
list(SORT headers)
set(sums "")
foreach(header IN LISTS headers)
  file(SHA256 "${SOURCE}/${header}" sum)
  string(APPEND sums "${header} ${sum}\n")
endforeach()
string(SHA256 stamp "${sums}")
string(SUBSTRING "${stamp}" 0 16 stamp)
file(WRITE "${OUTPUT}.new" "#pragma once
// Made by recon/cmake/headers_stamp.cmake.
#define RECON_VERSION \"${VERSION}\"
#define RECON_HEADERS_STAMP \"${stamp}\"
")
execute_process(COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${OUTPUT}.new" "${OUTPUT}")
