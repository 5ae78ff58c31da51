#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <optional>
#include <string>
#include <vector>

namespace recon {

/// The ATen operator of "torch.ops.aten.conv2d.default". Throws Error(data) at `location` for any that an exported
/// network may not use: only operators that compute their result from their arguments and have no other effect are
/// allowed, by name; none that writes to an argument, draws random numbers, returns memory it has not written, or reads
/// a tensor's values to decide what comes next.
c10::OperatorHandle allowed_operator(const std::string& target, const std::string& location);

/// What does nothing: assertions about what the export saw.
bool is_remark(const std::string& target);

/// Arithmetic of sizes, "_operator.add", on whole numbers, reals and truth values.
bool is_arithmetic(const std::string& target);
/// Its result. Throws Error(data) at `location` for other arguments, for overflow and for division by zero.
c10::IValue compute_arithmetic(const std::string& target, const std::vector<c10::IValue>& arguments,
                               const std::string& location);

}  // namespace recon
