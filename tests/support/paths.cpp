#include "tests/support/paths.h"

namespace recon::test {

std::string source_path(const std::string& relative) {
  return relative.empty() ? RECON_SOURCE_DIR : RECON_SOURCE_DIR "/" + relative;
}

std::string program() { return RECON_PROGRAM; }

}  // namespace recon::test
