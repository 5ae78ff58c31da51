#include "recon/pipeline/items/alternatives.h"

#include <ATen/ATen.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "recon/config/option_lister.h"
#include "recon/config/yaml_node.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

/// The text of one operator with named arrays, open for changes.
class Variant {
 public:
  Variant(const std::string& config, std::map<std::string, at::Tensor> arrays)
      : json_(as_json(*parse_yaml(config, {.name = "operator", .folder = {}}))), arrays_(std::move(arrays)) {}

  std::string type() const { return json_.value("type", ""); }
  double number(const char* key, double otherwise) const {
    const auto found = json_.find(key);
    return found != json_.end() && found->is_number() ? found->get<double>() : otherwise;
  }
  /// The array of an option, wherever it stands; undefined when there is none.
  at::Tensor array(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return {};
    if (found->is_array()) return inline_array(*found);
    std::string name;
    if (found->is_object()) name = found->value("dataset", "");
    if (found->is_string()) name = found->get<std::string>();
    const auto stored = arrays_.find(name);
    return stored == arrays_.end() ? at::Tensor() : stored->second.to(at::kCPU, at::kDouble);
  }

  Variant with(const char* key, ordered_json value) const {
    Variant changed = *this;
    changed.json_[key] = std::move(value);
    return changed;
  }
  Variant with_array(const char* key, const at::Tensor& value) const {
    Variant changed = with(key, {{"dataset", std::string("changed_") + key}});
    changed.arrays_[std::string("changed_") + key] = value;
    return changed;
  }

  OperatorText text() const { return {to_yaml(json_), arrays_}; }
  OperatorPtr build(const TensorSpec& image) const {
    try {
      return build_stored_operator(to_yaml(json_), arrays_, image, "alternative", {}).op;
    } catch (const Error&) {
      return nullptr;  // this convention is impossible for these numbers, which settles the question
    }
  }

 private:
  static at::Tensor inline_array(const ordered_json& list) {
    std::vector<double> values;
    for (const auto& value : list) {
      if (!value.is_number()) return {};  // nested lists: small examples
      values.push_back(value.get<double>());
    }
    return at::tensor(values, at::kDouble);
  }

  ordered_json json_;
  std::map<std::string, at::Tensor> arrays_;
};

class Collection {
 public:
  explicit Collection(const TensorSpec& image) : image_(image) {}
  void add(std::string what, const Variant& variant) {
    if (OperatorPtr op = variant.build(image_)) found_.push_back({std::move(what), std::move(op)});
  }
  std::vector<Alternative> take() { return std::move(found_); }

 private:
  TensorSpec image_;
  std::vector<Alternative> found_;
};

void add_projections(const Variant& stated, Collection& found) {
  constexpr double degrees = 180 / std::numbers::pi;
  const at::Tensor list = stated.array("angle_list_deg");
  const double range = stated.number("range_deg", 180), first = stated.number("first_deg", 0);
  if (list.defined()) {
    found.add("the angles are in radians: give angle_list_deg in degrees (times 180/pi)",
              stated.with_array("angle_list_deg", list * degrees));
    found.add("the angles are in degrees already and were converted twice: divide angle_list_deg by 180/pi",
              stated.with_array("angle_list_deg", list / degrees));
    found.add("the object turns the other way: give the angles the opposite sign",
              stated.with_array("angle_list_deg", -list));
    found.add("the first view is at 90 degrees: add 90 to the angles", stated.with_array("angle_list_deg", list + 90));
  } else {
    found.add("the angles are in radians: give range_deg and first_deg in degrees (times 180/pi)",
              stated.with("range_deg", range * degrees).with("first_deg", first * degrees));
    const auto views = static_cast<std::int64_t>(stated.number("angles", 60));
    const at::Tensor angles = first + range * at::arange(views, at::kDouble) / static_cast<double>(views);
    found.add("the object turns the other way: give angle_list_deg with the opposite sign",
              stated.with_array("angle_list_deg", -angles));
    found.add("the first view is at 90 degrees: first_deg: 90", stated.with("first_deg", first + 90));
    found.add("the views cover twice the angle: double range_deg", stated.with("range_deg", 2 * range));
    found.add("the views cover half of the angle: halve range_deg", stated.with("range_deg", range / 2));
  }
  if (const double offset = stated.number("axis_offset_px", 0); offset != 0) {
    found.add("the axis lies on the other side: axis_offset_px with the opposite sign",
              stated.with("axis_offset_px", -offset));
  }
}

void add_positions(const Variant& stated, const TensorSpec& image, Collection& found) {
  const at::Tensor positions = stated.array("positions");
  if (!positions.defined() || positions.dim() != 2) return;
  const at::Tensor size =
      at::tensor({static_cast<double>(image.shape[1]), static_cast<double>(image.shape[2])}, at::kDouble);
  found.add("the positions are in cycles per pixel ([-0.5, 0.5]): multiply them by the image's [height, width]",
            stated.with_array("positions", positions * size));
  found.add("the positions are in radians per pixel ([-pi, pi]): multiply them by [height, width] / (2 pi)",
            stated.with_array("positions", positions * size / (2 * std::numbers::pi)));
  found.add("the positions are (column, row): exchange them", stated.with_array("positions", positions.flip({1})));
  found.add("the positions have the opposite sign (a transform with the other sign)",
            stated.with_array("positions", -positions));
  for (const std::int64_t axis : {0, 1}) {
    at::Tensor mirrored = positions.clone();
    mirrored.select(1, axis).neg_();
    found.add(axis == 0 ? "the row positions have the opposite sign" : "the column positions have the opposite sign",
              stated.with_array("positions", mirrored));
  }
}

void add_kernels(const Variant& stated, Collection& found) {
  const at::Tensor kernel = stated.array("kernel");
  if (!kernel.defined() || kernel.dim() != 2) return;
  found.add("the kernel is a correlation's: turn it by half a turn (flip both axes)",
            stated.with_array("kernel", kernel.flip({0, 1})));
  found.add("the kernel's rows and columns are exchanged: transpose it",
            stated.with_array("kernel", kernel.t().contiguous()));
}

}  // namespace

std::optional<OperatorText> with_mask(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                      const at::Tensor& mask, const std::string& location) {
  try {
    const Variant stated(config, arrays);
    if (stated.type() != "fourier" && stated.type() != "sense") return std::nullopt;
    return stated.with("pattern", "array").with_array("mask", mask).text();
  } catch (const Error& error) {
    throw data_error(location, "{}", error.what());  // the text came from a file
  }
}

std::vector<Alternative> alternatives_of(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                         const TensorSpec& image) {
  const Variant stated(config, arrays);
  Collection found(image);
  if (stated.type() == "radon") add_projections(stated, found);
  if (stated.type() == "nufft") add_positions(stated, image, found);
  if (stated.type() == "blur") add_kernels(stated, found);
  return found.take();
}

}  // namespace recon
