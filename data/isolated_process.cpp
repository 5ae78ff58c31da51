#include "data/isolated_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr unsigned child_limit_s = 300;  // of waiting, for slow disks

/// Everything, or false.
bool write_all(int descriptor, const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(descriptor, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

[[noreturn]] void be_child(int out, const std::function<std::string()>& work, unsigned cpu_limit_s) {
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGXCPU, SIGINT, SIGTERM}) {
    ::signal(number, SIG_DFL);
  }
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlimit cpu{cpu_limit_s, cpu_limit_s + 1};
  ::setrlimit(RLIMIT_CPU, &cpu);
  // A damaged size may ask for all the memory there is: then this process is the one to go.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  const int nowhere = ::open("/dev/null", O_WRONLY);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  ::alarm(child_limit_s + cpu_limit_s);
  in_child_process() = true;
  bool ok = false;
  try {
    const std::string result = work();
    ok = write_all(out, result.data(), result.size());
  } catch (...) {
  }
  ::_exit(ok ? 0 : 1);
}

}  // namespace

bool& in_child_process() {
  static bool in_child = false;
  return in_child;
}

std::optional<std::string> run_isolated(const std::function<std::string()>& work, unsigned cpu_limit_s) {
  if (in_child_process()) return work();  // a child does not fork again
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw internal_error("child process", "no pipe: {}", std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) be_child(ends[1], work, cpu_limit_s);
  ::close(ends[1]);
  std::string result;
  std::array<char, 65536> piece{};
  while (child > 0) {
    const ssize_t count = ::read(ends[0], piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    result.append(piece.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  if (child < 0) throw internal_error("child process", "no child process: {}", std::strerror(errno));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return result;
}

}  // namespace recon
