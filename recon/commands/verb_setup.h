#pragma once

#include <string>

#include "recon/commands/config_shortcuts.h"
#include "recon/commands/verb.h"
#include "recon/config/config.h"
#include "recon/core/run_controls.h"

namespace recon {

/// The config file with the command line's overrides.
Config config_of(const std::string& path, const GlobalOptions& options, const ConfigShortcuts& shortcuts = {});
/// `config` with the shortcuts and each --set.
Config overridden(Config config, const GlobalOptions& options, const ConfigShortcuts& shortcuts);

/// The device that was asked for, and Ctrl-C: from here on it saves instead of killing.
RunControls controls_of(const GlobalOptions& options, RunObserver& observer, bool overwrite = true);

}  // namespace recon
