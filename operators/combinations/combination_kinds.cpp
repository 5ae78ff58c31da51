#include "operators/combinations/combination_kinds.h"

#include "operators/algebra.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* list_doc = "operators of any kind, each with its `type`";

using Sections = std::vector<std::shared_ptr<ParameterVisitor>>;

/// The entries of `operators`; a lister sees the one field that every entry has.
Sections entries(ParameterVisitor& options) {
  Sections sections = options.sections("operators", list_doc);
  if (options.reading() && sections.empty()) {
    throw usage_error(options.location(), "needs a non-empty list `operators`");
  }
  if (!options.reading()) {
    for (const auto& section : sections) {
      std::string type;
      section->field("type", type, "the kind of this operator");
    }
  }
  return sections;
}

std::vector<OperatorPtr> made_on_the_image(const Sections& sections, const TensorSpec& image) {
  std::vector<OperatorPtr> made;
  for (const auto& section : sections) made.push_back(make_operator(*section, image));
  return made;
}

OperatorPtr make_compose(ParameterVisitor& options, const TensorSpec& image) {
  const Sections sections = entries(options);
  if (!options.reading()) return nullptr;
  OperatorPtr chain = make_operator(*sections[0], image);
  for (std::size_t i = 1; i < sections.size(); ++i) {
    chain = compose(make_operator(*sections[i], chain->range()), chain);
  }
  return chain;
}

OperatorPtr make_sum(ParameterVisitor& options, const TensorSpec& image) {
  const Sections sections = entries(options);
  return options.reading() ? sum(made_on_the_image(sections, image)) : nullptr;
}

OperatorPtr make_stack(ParameterVisitor& options, const TensorSpec& image) {
  const Sections sections = entries(options);
  return options.reading() ? stack(made_on_the_image(sections, image)) : nullptr;
}

OperatorPtr make_scale(ParameterVisitor& options, const TensorSpec& image) {
  double factor = 1;
  options.field("factor", factor, "number that the result is multiplied with");
  const Sections sections = entries(options);
  if (!options.reading()) return nullptr;
  if (sections.size() != 1) {
    throw usage_error(options.location(), "scale takes one operator, got {}; compose them first", sections.size());
  }
  return scaled(make_operator(*sections[0], image), factor);
}

}  // namespace

OperatorKind compose_kind() {
  return {.name = "compose",
          .summary = "operators one after the other, the first one acting on the image",
          .examples = {R"({"type": "compose", "operators": [{"type": "blur", "std_px": 1.2},
                           {"type": "inpainting", "missing_fraction": 0.4}]})",
                       R"({"type": "compose", "operators": [{"type": "identity"}, {"type": "fourier"}]})"},
          .make = make_compose};
}

OperatorKind sum_kind() {
  return {.name = "sum",
          .summary = "the sum of several operators' results",
          .examples = {R"({"type": "sum", "operators": [{"type": "blur", "std_px": 1}, {"type": "identity"}]})"},
          .make = make_sum};
}

OperatorKind stack_kind() {
  return {.name = "stack",
          .summary = "several measurements of one image, joined to one vector",
          .examples = {R"({"type": "stack", "operators": [{"type": "inpainting"},
                           {"type": "super_resolution", "factor": 2}]})"},
          .make = make_stack};
}

OperatorKind scale_kind() {
  return {.name = "scale",
          .summary = "a number times another operator",
          .examples = {R"({"type": "scale", "factor": -2.5, "operators": [{"type": "blur", "std_px": 1.5}]})"},
          .make = make_scale};
}

}  // namespace recon
