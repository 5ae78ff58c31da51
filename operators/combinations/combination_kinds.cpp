#include "operators/combinations/combination_kinds.h"

#include "operators/algebra.h"
#include "operators/registry.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The entries of `operators`, which are read when they are built.
struct Parts {
  std::vector<std::shared_ptr<ParameterVisitor>> sections;

  void visit(ParameterVisitor& v) { sections = v.sections("operators", "operators of any kind, each with its `type`"); }

  void require_some(const std::string& location) const {
    if (sections.empty()) throw usage_error(location, "needs a non-empty list `operators`");
  }

  std::vector<OperatorPtr> on_the_image(const TensorSpec& image, const std::string& location) const {
    require_some(location);
    std::vector<OperatorPtr> made;
    for (const auto& section : sections) made.push_back(make_operator(*section, image));
    return made;
  }
};

struct ScaleOptions {
  double factor = 1;
  Parts parts;

  void visit(ParameterVisitor& v) {
    v.field("factor", factor, "number that the result is multiplied with");
    parts.visit(v);
  }
};

OperatorPtr make_compose(const Parts& parts, const TensorSpec& image, const std::string& location) {
  parts.require_some(location);
  OperatorPtr chain = make_operator(*parts.sections[0], image);
  for (std::size_t i = 1; i < parts.sections.size(); ++i) {
    chain = compose(make_operator(*parts.sections[i], chain->range()), chain);
  }
  return chain;
}

OperatorPtr make_sum(const Parts& parts, const TensorSpec& image, const std::string& location) {
  return sum(parts.on_the_image(image, location));
}

OperatorPtr make_stack(const Parts& parts, const TensorSpec& image, const std::string& location) {
  return stack(parts.on_the_image(image, location));
}

OperatorPtr make_scale(const ScaleOptions& options, const TensorSpec& image, const std::string& location) {
  options.parts.require_some(location);
  const auto& sections = options.parts.sections;
  if (sections.size() != 1) {
    throw usage_error(location, "scale takes one operator, got {}; compose them first", sections.size());
  }
  return scaled(make_operator(*sections[0], image), options.factor);
}

}  // namespace

OperatorKind compose_kind() {
  return OperatorKind::of<Parts>(
      {.name = "compose",
       .summary = "operators one after the other, the first one acting on the image",
       .examples = {R"({"type": "compose", "operators": [{"type": "blur", "std_px": 1.2},
                           {"type": "inpainting", "missing_fraction": 0.4}]})",
                    R"({"type": "compose", "operators": [{"type": "identity"}, {"type": "fourier"}]})"}},
      make_compose);
}

OperatorKind sum_kind() {
  return OperatorKind::of<Parts>(
      {.name = "sum",
       .summary = "the sum of several operators' results",
       .examples = {R"({"type": "sum", "operators": [{"type": "blur", "std_px": 1}, {"type": "identity"}]})"}},
      make_sum);
}

OperatorKind stack_kind() {
  return OperatorKind::of<Parts>({.name = "stack",
                                  .summary = "several measurements of one image, joined to one vector",
                                  .examples = {R"({"type": "stack", "operators": [{"type": "inpainting"},
                           {"type": "super_resolution", "factor": 2}]})"}},
                                 make_stack);
}

OperatorKind scale_kind() {
  return OperatorKind::of<ScaleOptions>(
      {.name = "scale",
       .summary = "a number times another operator",
       .examples = {R"({"type": "scale", "factor": -2.5, "operators": [{"type": "blur", "std_px": 1.5}]})"}},
      make_scale);
}

}  // namespace recon
