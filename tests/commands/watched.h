#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace recon {

/// The program in a process group of its own, watched through the events that it prints (--json), so that it can be
/// killed at a chosen place of its work.
class Watched {
 public:
  explicit Watched(const std::string& command) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::setpgid(pid_, pid_);
    ::close(ends[1]);
    events_ = ::fdopen(ends[0], "r");
  }
  ~Watched() {
    if (running_) {
      ::kill(-pid_, SIGKILL);
      wait();
    }
    ::fclose(events_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  void signal_all(int number) const { ::kill(-pid_, number); }

  /// The next event; nothing at the end of the output. Lines that are no JSON (of mpirun) are passed over.
  std::optional<nlohmann::json> next() {
    std::array<char, 65536> line{};
    while (std::fgets(line.data(), line.size(), events_) != nullptr) {
      auto event = nlohmann::json::parse(line.data(), nullptr, false);
      if (event.is_object() && event.contains("event")) return event;
    }
    return std::nullopt;
  }
  /// Reads on until `wanted` says so; nothing when the program ended before.
  std::optional<nlohmann::json> until(const std::function<bool(const nlohmann::json&)>& wanted) {
    while (auto event = next()) {
      if (wanted(*event)) return event;
    }
    return std::nullopt;
  }
  bool running() {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  /// The exit code, or 128 + the signal.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    running_ = false;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
  FILE* events_ = nullptr;
  bool running_ = true;
};

}  // namespace recon
