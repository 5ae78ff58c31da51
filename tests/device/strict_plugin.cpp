// The strict device as a plug-in: `recon VERB --plugin libstrict_device.so --device strict`.
#include <cstdlib>

#include "recon/core/plugin.h"
#include "tests/support/strict_device.h"
#include "tests/support/strict_memory.h"

/// RECON_STRICT_LARGEST: blocks of more bytes than that are refused.
static void add_device_of_tests() {
  recon::test::strict_device();
  if (const char* largest = std::getenv("RECON_STRICT_LARGEST")) recon::test::limit_strict_blocks(std::atoll(largest));
}

RECON_PLUGIN("strict_device", "1.0", add_device_of_tests)
