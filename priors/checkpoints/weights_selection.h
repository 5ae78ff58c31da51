#pragma once

#include <string>
#include <vector>

namespace recon {

/// Which tensors of a file are the model's.
struct WeightsSelection {
  std::vector<std::string> keys;  ///< path to the state dict in a file of torch.save, e.g. {"ema"}; see state_dict_of()
  std::string prefix;             ///< of the names of the model's tensors ("module."); others are left out
};

}  // namespace recon
