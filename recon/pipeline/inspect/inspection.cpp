#include "recon/pipeline/inspect/inspection.h"

namespace recon {

void Inspection::check(const std::string& name, double value, double limit, bool ok) {
  found["checks"].push_back({{"check", name}, {"value", value}, {"limit", limit}, {"passed", ok}});
  passed = passed && ok;
}

}  // namespace recon
