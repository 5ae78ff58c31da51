#include "data/hdf5/isolated.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "data/hdf5/handle.h"

namespace recon::hdf5 {
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

constexpr int max_depth = 32;  // groups may contain themselves
constexpr int max_objects = 10000;

template <class Work>
void ignoring_errors(const Work& work) {
  try {
    work();
  } catch (const Error&) {
  }
}

void visit_group(const Group& group, int depth, int& objects) {
  if (depth > max_depth) return;
  for (const auto& name : group.attribute_names()) {
    ignoring_errors([&] { group.text_attribute(name); });
    ignoring_errors([&] { group.numbers_attribute(name); });
  }
  for (const auto& name : group.names()) {
    if (++objects > max_objects) return;
    ignoring_errors([&] {
      if (group.is_group(name)) {
        visit_group(group.group(name), depth + 1, objects);
      } else {
        group.dataset(name).visit_metadata();
      }
    });
  }
}

}  // namespace

void visit_everything(const Group& group) {
  int objects = 0;
  ignoring_errors([&] { visit_group(group, 0, objects); });
}

std::string pack(const std::vector<std::string>& texts) {
  std::string packed;
  for (const auto& text : texts) packed += std::to_string(text.size()) + ":" + text;
  return packed;
}

std::vector<std::string> unpack(const std::string& packed) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < packed.size();) {
    const std::size_t colon = packed.find(':', at);
    const std::size_t length = std::stoul(packed.substr(at, colon - at));
    texts.push_back(packed.substr(colon + 1, length));
    at = colon + 1 + length;
  }
  return texts;
}

std::optional<std::string> run_isolated(const std::function<std::string()>& work, unsigned cpu_limit_s) {
  if (in_child_process()) return work();  // a child does not fork again
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw internal_error("hdf5", "no pipe: {}", std::strerror(errno));
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
  if (child < 0) throw internal_error("hdf5", "no child process: {}", std::strerror(errno));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return result;
}

}  // namespace recon::hdf5
