#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

// How the ops of PyTorch reach the strict device (strict_device.h).
namespace recon::test {

/// Ops in their order, each on the memory that it had.
using StrictRecording = std::vector<std::function<void()>>;

/// The ops that `work` gives the device; it computes them, too. Host reads and uploads throw c10::Error meanwhile, and
/// so does what computes on the device without PyTorch.
StrictRecording recorded_by(const std::function<void()>& work);
bool is_recording();

/// Counting, for those who compute on the device. A host read throws c10::Error under NoHostReads.
void count_launch();
void count_upload();
void count_host_read(const std::string& reader);

/// A CPU tensor on the memory of a device tensor: for those who compute on the device.
at::Tensor on_host(const at::Tensor& tensor);

/// Registers all ops; once.
void register_strict_ops();

}  // namespace recon::test
