#pragma once

#include <functional>
#include <optional>
#include <string>

// Damaged files can crash the libraries that read them. What can crash runs in a child process first.
namespace recon {

/// True in a child process of run_isolated(): it has one thread, and the locks it inherited are held by its parent's.
bool& in_child_process();

/// What `work` returns when it is run in a child process; empty when the child crashed, threw, or computed for more
/// than `cpu_limit_s`: metadata take milliseconds, but a damaged file can make a library loop for ever.
///
/// The child shares the open files and leaves by _exit. fork() copies one thread only: `work` may call the library and
/// the C and C++ runtimes, and nothing that waits for another thread. Whoever calls holds the library's lock, if any.
std::optional<std::string> run_isolated(const std::function<std::string()>& work, unsigned cpu_limit_s = 2);

}  // namespace recon
