#include "recon/pipeline/step_budget.h"

#include <cmath>
#include <string_view>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Looks at the integer option `steps` of the section that it visits, and changes it when told to.
class StepsVisitor final : public ParameterVisitor {
 public:
  explicit StepsVisitor(std::optional<std::int64_t> wanted) : wanted_(wanted) {}

  std::optional<std::int64_t> found() const { return found_; }

  void field(const char* name, std::int64_t& value, const char*, Limits) override {
    if (std::string_view(name) != "steps") return;
    if (wanted_) value = *wanted_;
    found_ = value;
  }
  void field(const char*, bool&, const char*) override {}
  void field(const char*, double&, const char*, Limits) override {}
  void field(const char*, std::string&, const char*) override {}
  void field(const char*, std::optional<double>&, const char*, Limits) override {}
  void field(const char*, std::optional<std::string>&, const char*) override {}
  void field(const char*, std::vector<double>&, const char*) override {}
  void field(const char*, std::vector<std::string>&, const char*) override {}
  void choice(const char*, std::string&, const std::vector<std::string>&, const char*) override {}
  void array(const char*, at::Tensor&, const char*) override {}
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char*, const char*) override { return {}; }
  std::string place() const override { return "budget"; }
  bool reading() const override { return false; }

 private:
  std::optional<std::int64_t> wanted_, found_;
};

}  // namespace

std::optional<std::int64_t> steps_of(Solver& solver) {
  StepsVisitor visitor(std::nullopt);
  solver.visit(visitor);
  return visitor.found();
}

void set_steps(Solver& solver, std::int64_t steps) {
  StepsVisitor visitor(steps);
  solver.visit(visitor);
  if (!visitor.found()) throw internal_error("set_steps", "the solver has no option `steps`");
}

std::optional<std::int64_t> affordable_steps(const std::function<double(std::int64_t)>& cost, double budget,
                                             std::int64_t few, std::int64_t more) {
  const double at_few = cost(few), at_more = cost(more);
  const double per_step = (at_more - at_few) / static_cast<double>(more - few);
  if (!(per_step > 0)) return std::nullopt;
  const double steps = static_cast<double>(few) + (budget - at_few) / per_step;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(steps + 1e-9)));
}

}  // namespace recon
