#pragma once

#include <torch/version.h>

#include "recon/core/headers_stamp.h"  // made by the build

namespace recon {

/// What a plug-in, a shared library that `recon --plugin FILE` loads, says about itself under the symbol
/// `recon_plugin`.
///
/// C++ has no stable binary interface: a plug-in works with the program whose headers it was compiled against, and
/// `made_for` says which those are. It comes first, so that it can be read whatever follows.
struct PluginInfo {
  const char* made_for;  ///< plugin_stamp when the plug-in was compiled
  const char* name;
  const char* version;
  void (*add_kinds)();  ///< adds to the registries (recon/core/registry.h); may throw Error
};

/// The program's version, a checksum of its headers, LibTorch and the version of the compiler's binary interface.
#define RECON_TEXT_OF(x) #x
#define RECON_TEXT(x) RECON_TEXT_OF(x)
inline constexpr const char* plugin_stamp = "recon " RECON_VERSION " (headers " RECON_HEADERS_STAMP
                                            ", LibTorch " TORCH_VERSION ", C++ ABI " RECON_TEXT(__GXX_ABI_VERSION) ")";

}  // namespace recon

/// Once in a plug-in, outside all namespaces: RECON_PLUGIN("my_operators", "1.0", add_my_operators)
#define RECON_PLUGIN(name, version, add_kinds)                                            \
  extern "C" __attribute__((visibility("default"))) const recon::PluginInfo recon_plugin; \
  extern "C" const recon::PluginInfo recon_plugin = {recon::plugin_stamp, name, version, add_kinds};
