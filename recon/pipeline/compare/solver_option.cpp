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

  void field(const char* name, std::int64_t& value, const char*, Limits limits) override {
    if (name != wanted_) return;
    if (setting_) value = std::llround(required());
    found_ = {static_cast<double>(value), limits, true};
  }
  void field(const char* name, double& value, const char*, Limits limits) override {
    if (name != wanted_) return;
    if (setting_) value = required();
    found_ = {value, limits, false};
  }
  void field(const char* name, std::optional<double>& value, const char*, Limits limits) override {
    if (name != wanted_) return;
    if (setting_) value = value_;
    found_ = {value, limits, false};
  }
  void field(const char*, bool&, const char*) override {}
  void field(const char*, std::string&, const char*) override {}
  void field(const char*, std::optional<std::string>&, const char*) override {}
  void field(const char*, std::vector<double>&, const char*) override {}
  void field(const char*, std::vector<std::string>&, const char*) override {}
  void choice(const char*, std::string&, const std::vector<std::string>&, const char*) override {}
  void array(const char*, at::Tensor&, const char*) override {}
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char*, const char*) override { return {}; }
  std::string location() const override { return "solver option " + wanted_; }

 private:
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
