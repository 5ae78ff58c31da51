#pragma once

#include <ATen/core/Tensor.h>

#include <string>

// How the ops of PyTorch reach the strict device (strict_device.h).
namespace recon::test {

/// Counting, for those who compute on the device. A host read throws c10::Error under NoHostReads.
void count_launch();
void count_upload();
void count_host_read(const std::string& reader);

/// A CPU tensor on the memory of a device tensor: for those who compute on the device.
at::Tensor on_host(const at::Tensor& tensor);

/// Registers all ops; once.
void register_strict_ops();

}  // namespace recon::test
