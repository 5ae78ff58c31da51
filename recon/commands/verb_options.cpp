#include <CLI/CLI.hpp>

#include "recon/commands/verb.h"
#include "recon/core/log.h"

namespace recon {

void add_force(CLI::App& app, bool& force) { app.add_flag("--force", force, "Replace outputs that are there already"); }

void add_allow_misfit(CLI::App& app, bool& allow) {
  app.add_flag("--allow-misfit", allow,
               "Exit with 0 although data contradict their image (status misfit: far-off chi2)");
}

bool refuse_misfits(std::size_t misfits, bool allowed) {
  if (misfits == 0 || allowed) return false;
  log::warn(
      "{} result(s) do not explain their data (status misfit): exit code 1; see the warnings above, or "
      "--allow-misfit",
      misfits);
  return true;
}

}  // namespace recon
