#include "operators/combinations/slices.h"

#include <ATen/ATen.h>

#include "operators/combinations/parts.h"
#include "operators/inverse_filter.h"
#include "operators/mri/seen_pixels.h"
#include "operators/registry.h"
#include "recon/core/error.h"

namespace recon {
namespace {

TensorSpec sliced_domain(const Operator& part, std::int64_t slices) {
  const TensorSpec& image = part.domain();
  return {{image.shape[0], slices, image.shape[1], image.shape[2]}, image.scalar};
}

TensorSpec sliced_range(const Operator& part, std::int64_t slices) {
  TensorSpec range = part.range();
  range.shape.insert(range.shape.begin(), slices);
  return range;
}

std::string sliced_name(const std::vector<OperatorPtr>& parts, std::int64_t slices) {
  return parts.size() == 1 ? fmt::format("{} on {} slices", parts.front()->name(), slices)
                           : fmt::format("{} and {} others on {} slices", parts.front()->name(), slices - 1, slices);
}

/// Data [batch, D, range...] as those of the slices and back.
at::Tensor joined_data(const at::Tensor& y) { return y.flatten(0, 1); }
at::Tensor parted_data(const at::Tensor& y, std::int64_t slices) { return y.unflatten(0, {-1, slices}); }

/// What linear and other operators on slices share.
template <class Part>
struct SliceParts {
  std::vector<std::shared_ptr<const Part>> parts;
  std::int64_t slices;

  const Part& first() const { return *parts.front(); }
  bool one_for_all() const { return parts.size() == 1; }

  at::Tensor support() const {
    if (one_for_all()) {
      const at::Tensor mask = first().support();
      return mask.defined() ? mask.unsqueeze(0) : mask;
    }
    std::vector<at::Tensor> masks;
    bool any = false;
    for (const auto& part : parts) {
      const at::Tensor mask = part->support();
      any = any || mask.defined();
      masks.push_back((mask.defined() ? mask : at::ones({1}, at::kDouble)).expand(first().range().shape));
    }
    return any ? at::stack(masks) : at::Tensor();
  }

  std::optional<ImageWindow> window() const {
    const auto shared = first().window();
    for (const auto& part : parts) {
      if (part->window() != shared) return std::nullopt;
    }
    return shared;
  }

  /// map(part, slices of x) -> data of those slices.
  template <class Map>
  at::Tensor data(const at::Tensor& x, const Map& map) const {
    if (one_for_all()) return parted_data(map(first(), slices_of_volume(x)), slices);
    std::vector<at::Tensor> all;
    for (std::int64_t d = 0; d < slices; ++d) {
      all.push_back(map(*parts[static_cast<std::size_t>(d)], x.select(2, d).contiguous()));
    }
    return at::stack(all, 1);
  }

  /// map(part, data of slices) -> those slices.
  template <class Map>
  at::Tensor volume(const at::Tensor& y, const Map& map) const {
    if (one_for_all()) return volume_of_slices(map(first(), joined_data(y)), slices);
    std::vector<at::Tensor> all;
    for (std::int64_t d = 0; d < slices; ++d) {
      all.push_back(map(*parts[static_cast<std::size_t>(d)], y.select(1, d).contiguous()));
    }
    return at::stack(all, 2);
  }
};

class LinearSlices final : public LinearOperator, public FilteredInverse {
 public:
  LinearSlices(const std::vector<OperatorPtr>& parts, std::vector<LinearOperatorPtr> linear, std::int64_t slices)
      : LinearOperator(sliced_name(parts, slices), sliced_domain(*parts[0], slices), sliced_range(*parts[0], slices)),
        parts_{std::move(linear), slices},
        support_(parts_.support()) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return parts_.window(); }
  bool is_unitary() const override {
    return std::all_of(parts_.parts.begin(), parts_.parts.end(), [](const auto& part) { return part->is_unitary(); });
  }

  std::optional<SpectralForm> spectral() const override {
    if (!parts_.one_for_all()) return std::nullopt;
    auto form = parts_.first().spectral();
    if (!form) return form;
    const std::int64_t slices = parts_.slices;
    return SpectralForm{
        .analyze = [analyze = form->analyze,
                    slices](const at::Tensor& x) { return parted_data(analyze(slices_of_volume(x)), slices); },
        .synthesize = [synthesize = form->synthesize,
                       slices](const at::Tensor& c) { return volume_of_slices(synthesize(joined_data(c)), slices); },
        .eigenvalues = [values = form->eigenvalues](const at::Tensor& like) { return values(like).unsqueeze(1); }};
  }

  DataFilter inverse_filter(const FrequencyWindow& window) const override {
    if (!parts_.one_for_all()) return {};
    const DataFilter inner = inverse_filter_of(parts_.first(), window);
    if (!inner) return {};
    return [inner, slices = parts_.slices](const at::Tensor& y) { return parted_data(inner(joined_data(y)), slices); };
  }
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    if (!parts_.one_for_all()) return {};
    const BackProjection inner = filtered_back_projection_of(parts_.first(), window);
    if (!inner) return {};
    return [inner, slices = parts_.slices](const at::Tensor& y) {
      return volume_of_slices(inner(joined_data(y)), slices);
    };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    return parts_.data(x, [](const LinearOperator& part, const at::Tensor& image) { return part.apply(image); });
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    return parts_.volume(y, [](const LinearOperator& part, const at::Tensor& data) { return part.adjoint(data); });
  }
  at::Tensor do_normal(const at::Tensor& x) const override {
    if (!parts_.one_for_all()) return adjoint(apply(x));
    return volume_of_slices(parts_.first().normal(slices_of_volume(x)), parts_.slices);
  }

  SliceParts<LinearOperator> parts_;
  at::Tensor support_;
};

class Slices final : public Operator {
 public:
  Slices(const std::vector<OperatorPtr>& parts, std::int64_t slices)
      : Operator(sliced_name(parts, slices), sliced_domain(*parts[0], slices), sliced_range(*parts[0], slices)),
        parts_{parts, slices},
        support_(parts_.support()) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return parts_.window(); }

  std::optional<MagnitudeForm> magnitude() const override {
    if (!parts_.one_for_all()) return std::nullopt;
    auto form = parts_.first().magnitude();
    if (!form) return form;
    const std::int64_t slices = parts_.slices;
    const auto on_slices = [slices](const std::function<at::Tensor(const at::Tensor&)>& map) {
      return [map, slices](const at::Tensor& u) { return parted_data(map(joined_data(u)), slices); };
    };
    return MagnitudeForm{
        .embed = [embed = form->embed,
                  slices](const at::Tensor& x) { return parted_data(embed(slices_of_volume(x)), slices); },
        .extract = [extract = form->extract,
                    slices](const at::Tensor& u) { return volume_of_slices(extract(joined_data(u)), slices); },
        .transform = on_slices(form->transform),
        .inverse = on_slices(form->inverse)};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    return parts_.data(x, [](const Operator& part, const at::Tensor& image) { return part.apply(image); });
  }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    if (parts_.one_for_all()) {
      return volume_of_slices(parts_.first().vjp(slices_of_volume(x), joined_data(v)), parts_.slices);
    }
    std::vector<at::Tensor> all;
    for (std::int64_t d = 0; d < parts_.slices; ++d) {
      const Operator& part = *parts_.parts[static_cast<std::size_t>(d)];
      all.push_back(part.vjp(x.select(2, d).contiguous(), v.select(1, d).contiguous()));
    }
    return at::stack(all, 2);
  }

  SliceParts<Operator> parts_;
  at::Tensor support_;
};

struct SlicesOptions {
  std::vector<std::shared_ptr<ParameterVisitor>> of;

  void visit(ParameterVisitor& v) { of = v.sections("of", "the operator of a slice; or a list, one for each slice"); }
};

OperatorPtr slices_from(const SlicesOptions& options, const TensorSpec& volume, const std::string& location) {
  if (volume.shape.size() != 4) {
    throw usage_error(location,
                      "slices: expected a volume [channels, slices, height, width], got {}; an image needs no slices: "
                      "use what stands in `of`",
                      volume.to_string());
  }
  if (options.of.empty()) throw usage_error(location, "slices: needs `of`, the operator of a slice");
  const std::int64_t slices = volume.shape[1];
  if (options.of.size() != 1 && static_cast<std::int64_t>(options.of.size()) != slices) {
    throw usage_error(location, "slices: expected in `of` one operator, or one for each of the {} slices, got {}",
                      slices, options.of.size());
  }
  const TensorSpec image{{volume.shape[0], volume.shape[2], volume.shape[3]}, volume.scalar};
  std::vector<OperatorPtr> parts;
  for (const auto& section : options.of) parts.push_back(make_operator(*section, image));
  return make_slices(std::move(parts), slices);
}

}  // namespace

at::Tensor slices_of_volume(const at::Tensor& volume) { return volume.transpose(1, 2).flatten(0, 1).contiguous(); }

at::Tensor volume_of_slices(const at::Tensor& slices, std::int64_t count) {
  return slices.unflatten(0, {-1, count}).transpose(1, 2).contiguous();
}

OperatorPtr make_slices(std::vector<OperatorPtr> parts, std::int64_t slices) {
  const bool fits = slices >= 1 && (parts.size() == 1 || static_cast<std::int64_t>(parts.size()) == slices);
  if (!fits) throw usage_error("slices", "expected one operator, or one for each of {} slices", slices);
  for (const auto& part : parts) {
    if (part->domain().shape.size() != 3) {
      throw usage_error("slices", "expected an operator on images [channels, height, width], '{}' is on {}",
                        part->name(), part->domain().to_string());
    }
    if (part->domain() != parts[0]->domain() || part->range() != parts[0]->range()) {
      throw usage_error("slices", "the operators of all slices must map {} to {}, but '{}' maps {} to {}",
                        parts[0]->domain().to_string(), parts[0]->range().to_string(), part->name(),
                        part->domain().to_string(), part->range().to_string());
    }
  }
  auto linear = linear_parts(parts);
  if (linear.empty()) return std::make_shared<Slices>(parts, slices);
  const at::Tensor seen = parts.size() == 1 ? seen_pixels(*parts[0]) : at::Tensor();
  auto whole = std::make_shared<LinearSlices>(parts, std::move(linear), slices);
  if (seen.defined()) return with_seen_pixels(std::move(whole), seen.unsqueeze(1));
  return whole;
}

OperatorKind slices_kind() {
  return OperatorKind::of<SlicesOptions>(
      {.name = "slices",
       .summary = "an operator for images on every slice of a volume",
       .examples = {R"({"type": "slices", "of": [{"type": "blur", "std_px": 1.2}]})",
                    R"({"type": "slices", "of": [{"type": "blur", "std_px": 1, "boundary": "unknown"}]})",
                    R"({"type": "slices", "of": [{"type": "inpainting", "missing_fraction": 0.4}]})",
                    R"({"type": "slices", "of": [{"type": "fourier", "acceleration": 2}]})",
                    R"({"type": "slices", "of": [{"type": "clipping", "softness": 0.2}]})"}},
      slices_from);
}

}  // namespace recon
