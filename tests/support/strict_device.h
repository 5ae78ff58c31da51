#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace recon::test {

/// A device without hardware, as strict as a GPU: what runs on it keeps to the rules that CUDA has.
///
/// Its tensors are of PyTorch's PrivateUse1 kind. Their memory is the host's, under addresses that nothing is mapped
/// to; every op unwraps its tensors, runs on the CPU, and wraps the result. So results are the CPU's own, and
///
///   * an op on tensors of two devices throws, but for scalars of the CPU (0 axes) in elementwise ops and for indices;
///   * host code that follows a raw pointer of a device tensor dies, and says so on stderr;
///   * copies to the host, uploads, synchronisations and launches are counted.
///
/// The first call sets the device up; like CUDA, before the first tensor is differentiated.
c10::Device strict_device();

/// What a GPU would have been asked for.
struct DeviceCounts {
  std::int64_t launches = 0;          ///< ops that computed on the device
  std::int64_t host_reads = 0;        ///< values copied to the host, and ops that wait for a size or a truth of them
  std::int64_t uploads = 0;           ///< copies from the host
  std::int64_t synchronisations = 0;  ///< waits for the device that no host read makes
  std::map<std::string, std::int64_t> readers{};  ///< host reads by the op that made them
};

/// All counts since the program began, of all threads.
DeviceCounts device_counts();

/// The counts of a piece of work alone.
DeviceCounts counts_of(const std::function<void()>& work);

/// While it lives, a host read throws c10::Error on whichever thread it happens.
class NoHostReads {
 public:
  NoHostReads();
  ~NoHostReads();
  NoHostReads(const NoHostReads&) = delete;
  NoHostReads& operator=(const NoHostReads&) = delete;
};

}  // namespace recon::test
