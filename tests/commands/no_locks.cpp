// A file system without record locks, to be preloaded into a program (LD_PRELOAD): where RECON_TEST_LOCKS says
// `refused` every lock is an error, as on NFS without its lock service; otherwise all of them are granted and exclude
// nobody.
#include <dlfcn.h>
#include <fcntl.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

int with_locks_replaced(int fd, int command, void* argument) {
  if (command == F_SETLK || command == F_SETLKW) {
    const char* const mode = std::getenv("RECON_TEST_LOCKS");
    if (mode == nullptr || std::strcmp(mode, "refused") != 0) return 0;
    errno = ENOLCK;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int, int, ...)>(::dlsym(RTLD_NEXT, "fcntl64"));
  return real(fd, command, argument);
}

}  // namespace

extern "C" int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return with_locks_replaced(fd, command, argument);
}

extern "C" int fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return with_locks_replaced(fd, command, argument);
}
