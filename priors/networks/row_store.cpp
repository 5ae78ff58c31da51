#include "priors/networks/row_store.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

std::string scratch_folder() {
  const char* const given = std::getenv("TMPDIR");
  return given == nullptr || *given == '\0' ? "/var/tmp" : given;
}

Error scratch_error(const char* what) {
  return usage_error("scratch file in " + scratch_folder(),
                     "{} ({}); name a folder with more space in the environment variable TMPDIR, or raise `memory`",
                     what, std::strerror(errno));
}

int open_scratch_file() {
  std::string name = scratch_folder() + "/recon-XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) throw scratch_error("cannot be made");
  ::unlink(name.c_str());
  return file;
}

/// `transfer` is pread or pwrite; it may do a part of the work at a time.
template <class Transfer, class Byte>
void transfer_all(Transfer transfer, int file, Byte* data, std::int64_t count, std::int64_t offset, const char* what) {
  while (count > 0) {
    const auto done = transfer(file, data, static_cast<std::size_t>(count), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;  // a file that ends too early
    if (done <= 0) throw scratch_error(what);
    data += done, count -= done, offset += done;
  }
}

}  // namespace

void return_freed_memory() { ::malloc_trim(0); }

RowStore::RowStore(Shape shape, Place place) : shape_(std::move(shape)) {
  if (place == Place::memory) {
    // Written at once, so that resident_bytes() counts all of it from now on.
    memory_ = at::empty(shape_, at::kFloat).zero_();
    return;
  }
  file_ = open_scratch_file();
  if (::ftruncate(file_, row_bytes() * shape_[2]) != 0) {
    const Error error = scratch_error("cannot be made as large as needed");
    ::close(file_);
    throw error;
  }
}

RowStore::~RowStore() {
  if (file_ >= 0) ::close(file_);
}

std::int64_t RowStore::row_bytes() const {
  return shape_[0] * shape_[1] * shape_[3] * static_cast<std::int64_t>(sizeof(float));
}

at::Tensor RowStore::read(std::int64_t from, std::int64_t to) const {
  if (memory_.defined()) return memory_.narrow(2, from, to - from);
  const at::Tensor rows = at::empty({to - from, shape_[0], shape_[1], shape_[3]}, at::kFloat);
  transfer_all(::pread, file_, static_cast<char*>(rows.data_ptr()), row_bytes() * (to - from), row_bytes() * from,
               "cannot be read");
  return rows.permute({1, 2, 0, 3}).contiguous();
}

void RowStore::write(std::int64_t from, const at::Tensor& rows) {
  if (memory_.defined()) {
    memory_.narrow(2, from, rows.size(2)).copy_(rows);
    return;
  }
  const at::Tensor turned = rows.to(at::kCPU, at::kFloat).permute({2, 0, 1, 3}).contiguous();
  transfer_all(::pwrite, file_, static_cast<const char*>(turned.data_ptr()), row_bytes() * rows.size(2),
               row_bytes() * from, "cannot be written");
}

void RowStore::add(std::int64_t from, const at::Tensor& rows) {
  if (memory_.defined()) {
    memory_.narrow(2, from, rows.size(2)).add_(rows.to(at::kCPU));
    return;
  }
  write(from, read(from, from + rows.size(2)).add_(rows.to(at::kCPU)));
}

}  // namespace recon
