#include "recon/pipeline/train/measurement_family.h"

#include <ATen/ATen.h>

#include <cmath>

#include "operators/unsuitable_operator.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/solvers/posterior/linear_measurement.h"

namespace recon {
namespace {

/// The operators of a family, for images of one size.
class OperatorFamily {
 public:
  OperatorFamily(MeasurementFamily family, const TensorSpec& image) : family_(std::move(family)), image_(image) {
    const BuiltOperator built = build_operator(family_.op, "operator", image_);
    if (!built.arrays.empty()) {
      throw usage_error(family_.location, "operator: an array fits images of one size only; name a pattern");
    }
    first_ = linear(built.op);
    if (!family_.options.mask_per_item || !built.config.contains("seed")) return;
    const at::Tensor probe = Rng(0, "probe").normal({{0, 0}}, 0, image_, at::kFloat);
    varies_ = !at::equal(with_seed(1)->apply(probe), with_seed(2)->apply(probe));
  }

  const TensorSpec& image() const { return image_; }
  const std::string& name() const { return first_->name(); }

  /// One for all, or one for each of the uniform numbers.
  std::vector<LinearOperatorPtr> draw(const at::Tensor& uniform) const {
    if (!varies_) return {first_};
    std::vector<LinearOperatorPtr> drawn;
    for (std::int64_t i = 0; i < uniform.size(0); ++i) {
      drawn.push_back(with_seed(static_cast<std::int64_t>(std::ldexp(uniform[i].item<double>(), 31))));
    }
    return drawn;
  }

 private:
  LinearOperatorPtr linear(const OperatorPtr& op) const {
    const LinearOperatorPtr found = as_linear(op, family_.location + " operator");
    if (found->spectral()) return found;
    throw UnsuitableOperator(family_.location + " operator",
                             "training needs the eigenvalues of A^H A in closed form (missing pixels, circular blur, "
                             "Fourier samples of one coil, averages of pixels), which '{}' has not",
                             op->name());
  }

  LinearOperatorPtr with_seed(std::int64_t seed) const {
    auto node = std::make_shared<YamlNode>();
    node->kind = YamlNode::Kind::scalar;
    node->text = std::to_string(seed);
    node->location = family_.location;
    return linear(build_operator(with_value(family_.op, "seed", node), "operator", image_).op);
  }

  MeasurementFamily family_;
  TensorSpec image_;
  LinearOperatorPtr first_;
  bool varies_ = false;
};

/// Data of the images, as their prior will know them.
LinearMeasurement measured(const at::Tensor& x0, const std::vector<LinearOperatorPtr>& ops,
                           const std::vector<double>& noise_std, const Rng& rng, const std::vector<StreamKey>& keys) {
  std::vector<at::Tensor> data;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const LinearOperator& op = *ops[ops.size() == 1 ? 0 : i];
    const at::Tensor clean = op.apply(x0.narrow(0, static_cast<std::int64_t>(i), 1));
    at::Tensor noise = rng.normal({keys[i]}, 1, op.range(), clean.options());
    if (const at::Tensor support = op.support(); support.defined()) noise = noise * support.to(noise.options());
    data.push_back(clean + noise_std[i] * noise);
  }
  return linear_measurement(ops, at::cat(data), noise_std);
}

}  // namespace

void MeasurementFamilyOptions::visit(ParameterVisitor& v) {
  v.field(
      "noise_std", noise_std,
      "of the Gaussian noise, in units of image_range: a number, or [lowest, highest] of what the network is to know",
      {.min = 0, .open_min = true});
  v.field(
      "mask_per_item", mask_per_item,
      "another random mask for each image, where the operator draws one from a `seed`; false: the one of that seed");
}

std::optional<MeasurementFamily> read_measurement_family(YamlOptions& config) {
  const YamlNodePtr section = config.node("measurement");
  if (section == nullptr) return std::nullopt;
  if (section->kind != YamlNode::Kind::mapping) {
    throw usage_error(section->location_of("measurement"),
                      "expected a section with `operator` and `noise_std`, found {}", section->description());
  }
  MeasurementFamily family;
  YamlOptions options(section, "measurement");
  family.location = options.location();
  family.options.visit(options);
  const auto operators = options.nodes("operator");
  if (operators.size() != 1) throw usage_error(family.location, "`operator` is missing: how are images measured?");
  family.op = operators.front();
  options.set_resolved("operator", as_json(*family.op));
  options.finish_this_section();
  std::vector<double>& noise = family.options.noise_std;
  if (noise.size() == 1) noise.push_back(noise.front());
  if (noise.size() != 2 || noise[0] > noise[1]) {
    throw usage_error(
        options.location_of("noise_std"),
        "noise_std: expected the noise's standard deviation in units of image_range, or [lowest, highest]");
  }
  config.set_resolved("measurement", options.resolved());
  return family;
}

void train_for_measurement(TrainingTask& task, const MeasurementFamily& family, const ImageRange& range,
                           std::int64_t crop) {
  const ImageDomain& domain = task.description.domain;
  Shape shape{domain.channels, crop, crop};
  if (crop == 0) shape = shape_of(task.images.image(0));
  const double unit = (domain.high - domain.low) / (range.high - range.low);
  const double low = unit * family.options.noise_std[0], high = unit * family.options.noise_std[1];
  auto operators = std::make_shared<const OperatorFamily>(family, TensorSpec{shape, ScalarKind::real});
  task.description.measurement = TrainedMeasurement{.op = operators->name(), .noise_std = {low, high}};
  task.measure = [=, last = operators](const at::Tensor& x0, const Rng& rng,
                                       const std::vector<StreamKey>& keys) mutable {
    // Validation images may have another size than crops.
    if (spec_of_item(x0) != last->image()) last = std::make_shared<const OperatorFamily>(family, spec_of_item(x0));
    const at::Tensor uniform = rng.uniform(keys, 0, {{2}, ScalarKind::real});
    std::vector<double> noise_std;
    for (std::int64_t i = 0; i < uniform.size(0); ++i) {
      noise_std.push_back(low * std::pow(high / low, uniform[i][0].item<double>()));
    }
    return measured(x0, last->draw(uniform.select(1, 1)), noise_std, rng, keys);
  };
}

}  // namespace recon
