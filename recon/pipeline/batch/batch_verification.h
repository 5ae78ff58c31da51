#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "recon/config/config.h"
#include "recon/pipeline/batch/batch_plan.h"

namespace recon {

/// What a batch's result says of itself, computed again.
struct BatchVerification {
  struct Item {
    std::string id;
    double difference =
        0;  ///< largest, of the reconstruction, over its largest value; infinite where one of both failed
    bool same_bits = false;
  };
  std::vector<Item> items;
  std::string remarks;  ///< what differs without changing what is compared: the program's version
  double largest() const;
};

/// Computes `count` items of the result file of a batch again, chosen by `seed`, with the batches that they were part
/// of, and compares. `overrides` are --set assignments on the stored config: where the input lies now. Throws
/// Error(data) when the input, an operator or the prior is not the one that the file names by its hash.
BatchVerification verify_batch(const std::string& result, std::int64_t count, std::uint64_t seed, c10::Device device,
                               const std::vector<std::string>& overrides);

}  // namespace recon
