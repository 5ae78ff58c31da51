#include "recon/commands/interruption.h"

#include <unistd.h>

#include <csignal>

namespace recon {
namespace {

CancellationToken token;  // touched by a signal handler: must exist before and outlive everything

extern "C" void on_signal(int) {
  token.cancel();
  constexpr char text[] = "\nrecon: stopping after this step or batch; what is done is saved (again: kill)\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
}

}  // namespace

const CancellationToken& interruption() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal finds the default action
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
  return token;
}

}  // namespace recon
