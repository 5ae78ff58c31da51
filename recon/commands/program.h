#pragma once

namespace recon {

/// The whole program: parses the command line, runs a verb, prints its result, turns faults into one line on stderr
/// ("recon: error: PLACE: MESSAGE") and an exit code. With --json stdout carries exactly one JSON object, also after a
/// fault: {"error": {"kind", "place", "message", "exit_code"}}.
int run_program(int argc, const char* const* argv);

}  // namespace recon
