#include "recon/commands/verb_setup.h"

#include "recon/commands/interruption.h"
#include "recon/core/device.h"

namespace recon {

Config config_of(const std::string& path, const GlobalOptions& options, const ConfigShortcuts& shortcuts) {
  return overridden(Config::from_file(path), options, shortcuts);
}

Config overridden(Config config, const GlobalOptions& options, const ConfigShortcuts& shortcuts) {
  shortcuts.apply(config, options.set);
  return config;
}

RunControls controls_of(const GlobalOptions& options, RunObserver& observer, bool overwrite) {
  return {.device = parse_device(options.device),
          .cancellation = &interruption(),
          .observer = &observer,
          .overwrite = overwrite};
}

}  // namespace recon
