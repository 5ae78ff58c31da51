#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "recon/core/progress.h"

namespace recon {

/// Listens to what runs: loops that begin, their steps, their ends. Called from the thread that computes; must not
/// throw.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  /// `label`: "item 3: dps"; `done`: steps that an earlier session has done.
  virtual void begin(const std::string& label, std::int64_t done) = 0;
  virtual void step(const ProgressEvent& event) = 0;
  virtual void end() = 0;  ///< before warnings of the loop are logged
};

/// What a caller of any verb decides besides its plan, and who listens.
struct RunControls {
  c10::Device device = c10::Device(c10::kCPU);
  const CancellationToken* cancellation = nullptr;  ///< null: nobody stops it
  RunObserver* observer = nullptr;                  ///< null: nobody listens
  bool overwrite = true;                            ///< outputs that exist are replaced, else refused

  bool cancelled() const { return cancellation != nullptr && cancellation->cancelled(); }
  void begin(const std::string& label, std::int64_t done = 0) const {
    if (observer != nullptr) observer->begin(label, done);
  }
  void end() const {
    if (observer != nullptr) observer->end();
  }
  /// For the loops below; empty without an observer.
  ProgressObserver steps() const {
    if (observer == nullptr) return {};
    return [to = observer](const ProgressEvent& event) { to->step(event); };
  }
};

}  // namespace recon
