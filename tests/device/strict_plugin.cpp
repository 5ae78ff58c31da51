// The strict device as a plug-in: `recon VERB --plugin libstrict_device.so --device strict`.
#include "recon/core/plugin.h"
#include "tests/support/strict_device.h"

static void add_device_of_tests() { recon::test::strict_device(); }

RECON_PLUGIN("strict_device", "1.0", add_device_of_tests)
