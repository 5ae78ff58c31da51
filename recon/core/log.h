#pragma once

#include <spdlog/spdlog.h>

/// Logging is spdlog's default logger, which main() points at stderr. Libraries log warnings, and once what they chose
/// (log_once.h); errors are thrown.
/// This header names the calls the project uses.
namespace recon::log {
using spdlog::debug;
using spdlog::info;
using spdlog::warn;
}  // namespace recon::log
