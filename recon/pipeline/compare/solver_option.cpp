#include "recon/pipeline/compare/solver_option.h"

#include <cmath>
#include <memory>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Looks at one number of the section that it visits, and changes it when told to.
class OptionVisitor final : public ParameterVisitor {
 public:
  explicit OptionVisitor(std::string wanted) : wanted_(std::move(wanted)) {}

  void set(std::optional<double> value) {
    setting_ = true;
    value_ = value;
  }
  const std::optional<SolverOption>& found() const { return found_; }

  void visit(const Parameter& parameter) override {
    if (parameter.name != wanted_) return;
    std::visit([&](auto* value) { look_at(*value, parameter.limits); }, parameter.value);
  }
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char*, const char*) override { return {}; }
  std::string location() const override { return "solver option " + wanted_; }

 private:
  void look_at(std::int64_t& value, const Limits& limits) {
    if (setting_) value = std::llround(required());
    found_ = {static_cast<double>(value), limits, true};
  }
  void look_at(double& value, const Limits& limits) {
    if (setting_) value = required();
    found_ = {value, limits, false};
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void look_at(std::optional<Number>& value, const Limits& limits) {
    constexpr bool whole = std::is_integral_v<Number>;
    if (setting_)
      value = value_ ? std::optional(static_cast<Number>(whole ? std::round(*value_) : *value_)) : std::nullopt;
    found_ = {value ? std::optional(static_cast<double>(*value)) : std::nullopt, limits, whole};
  }
  void look_at(const auto&, const Limits&) {}  // no number

  double required() const {
    if (!value_) throw internal_error(location(), "cannot be without a value");
    return *value_;
  }

  std::string wanted_;
  bool setting_ = false;
  std::optional<double> value_;
  std::optional<SolverOption> found_;
};

}  // namespace

std::optional<SolverOption> find_option(Solver& solver, const std::string& name) {
  OptionVisitor visitor(name);
  solver.visit(visitor);
  return visitor.found();
}

void set_option(Solver& solver, const std::string& name, std::optional<double> value) {
  OptionVisitor visitor(name);
  visitor.set(value);
  solver.visit(visitor);
  if (!visitor.found()) throw internal_error(visitor.location(), "the solver has no such number");
}

}  // namespace recon
