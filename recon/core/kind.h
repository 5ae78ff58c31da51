#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "recon/core/parameters.h"

namespace recon {

/// How a kind is shown.
struct KindDescription {
  std::string name;     ///< the `type:` of a config
  std::string summary;  ///< one line for `recon list`
  /// Option texts (JSON, which is YAML too) on which the tests of all kinds run.
  std::vector<std::string> examples = {};
};

/// Something that a config names by its `type` and that is made from options: a `Product`, from options and `Inputs`.
///
/// What a kind's author writes is a struct of options and a function of them. How options are read, listed and checked
/// is decided here, once:
///
///     struct ClippingOptions { double low = 0, high = 1; void visit(ParameterVisitor& v); };
///     OperatorPtr clipping(const ClippingOptions& options, const TensorSpec& image, const std::string& location);
///     OperatorKind clipping_kind() {
///       return OperatorKind::of<ClippingOptions>({.name = "clipping", .summary = "a saturating detector"}, clipping);
///     }
template <class Product, class... Inputs>
struct Kind : KindDescription {
  /// Visits the options without making anything: to list them, or to check them before the work begins.
  std::function<void(ParameterVisitor& options)> visit;
  /// Reads the options and makes the product.
  std::function<Product(ParameterVisitor& options, const Inputs&... inputs)> make;

  /// `maker(options, inputs..., location)`: faults are Errors that name the location. `defaults` are the options before
  /// they are read.
  template <class Options, class Maker>
  static Kind of(KindDescription description, Maker maker, const Options& defaults = {}) {
    Kind kind;
    static_cast<KindDescription&>(kind) = std::move(description);
    kind.visit = [defaults](ParameterVisitor& v) {
      Options options = defaults;
      options.visit(v);
    };
    kind.make = [defaults, maker](ParameterVisitor& v, const Inputs&... inputs) -> Product {
      Options options = defaults;
      options.visit(v);
      return maker(options, inputs..., v.location());
    };
    return kind;
  }
};

/// For kinds without options.
struct NoOptions {
  void visit(ParameterVisitor&) {}
};

}  // namespace recon
