#include "tests/support/paths.h"

#include <cstdlib>

namespace recon::test {
namespace {

std::string from_environment(const char* variable, const char* otherwise) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? otherwise : value;
}

}  // namespace

std::string source_path(const std::string& relative) {
  const std::string root = from_environment("RECON_TEST_SOURCE", RECON_SOURCE_DIR);
  return relative.empty() ? root : root + "/" + relative;
}

std::string program() { return from_environment("RECON_TEST_PROGRAM", RECON_PROGRAM); }

}  // namespace recon::test
