#include "recon/pipeline/sample/sampling.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <set>

#include "data/atomic_file.h"
#include "priors/samplers/draw.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/out_of_memory.h"
#include "recon/core/rounded_up.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/items/seed_option.h"
#include "recon/pipeline/solve/precision_choice.h"

namespace recon {
namespace {

constexpr std::int64_t default_side = 128;
constexpr std::int64_t strip_times = 10;  ///< pictures in a row of the trajectory

/// The `type:` of the section names the sampler, the other keys are its options.
void read_sampler(ParameterVisitor& section, SamplingPlan& plan) {
  plan.sampler_name = "ddim";
  section.field("type", plan.sampler_name, "the kind of sampler; `recon list samplers` shows all");
  plan.sampler = sampler_kinds().find(plan.sampler_name, section.location()).make();
  plan.sampler->visit(section);
}

/// The wanted size, the prior's only one, or the default.
std::vector<std::int64_t> image_size(const SamplingPlan& plan, const ImageDomain& domain) {
  if (!plan.options.size.empty()) return plan.options.size;
  if (!domain.fixed_size.empty()) return domain.fixed_size;
  const std::int64_t side = rounded_up(default_side, domain.multiple);
  return {side, side};
}

/// The step numbers whose pictures go into the strip, the first and the last among them.
std::set<std::int64_t> strip_steps(std::int64_t total) {
  std::set<std::int64_t> steps;
  for (std::int64_t i = 0; i < strip_times; ++i) steps.insert(1 + i * (total - 1) / (strip_times - 1));
  return steps;
}

/// Collects pictures of the way of a few samples: x_t at unit variance of a white image, and what it is denoised to.
class Trajectory {
 public:
  Trajectory(std::int64_t samples, std::int64_t total, ImageRange range)
      : rows_(static_cast<std::size_t>(2 * samples)), wanted_(strip_steps(total)), range_(range) {}

  void see(const SamplerStep& step) {
    if (!wanted_.contains(step.done)) return;
    const double r = step.level.relative_sigma(), scale = 1 / std::hypot(step.level.alpha, step.level.sigma);
    const std::int64_t shown = std::min<std::int64_t>(static_cast<std::int64_t>(rows_.size()) / 2, step.x0.size(0));
    for (std::int64_t i = 0; i < shown; ++i) {
      const auto row = static_cast<std::size_t>(2 * i);
      rows_[row].push_back({fmt::format("x_t, r = {:.3g}", r), (scale * step.x_t[i]).to(at::kCPU), range_});
      rows_[row + 1].push_back({fmt::format("x_0 at r = {:.3g}", r), step.x0[i].to(at::kCPU), range_});
    }
  }

  std::vector<PanelTile> tiles() const {
    std::vector<PanelTile> all;
    for (const auto& row : rows_) all.insert(all.end(), row.begin(), row.end());
    return all;
  }
  int columns() const { return static_cast<int>(rows_.empty() ? 0 : rows_.front().size()); }

 private:
  std::vector<std::vector<PanelTile>> rows_;
  std::set<std::int64_t> wanted_;
  ImageRange range_;
};

/// One run: what is the same for all batches, and the loop over them, as large as memory allows.
class Sampling {
 public:
  Sampling(const SamplingPlan& plan, const RunControls& controls)
      : plan_(plan),
        controls_(controls),
        prior_(open_prior(plan.prior, *plan.options.precision, plan.options.memory.bytes())),
        size_(image_size(plan, prior_->domain())),
        range_{prior_->domain().low, prior_->domain().high},
        trajectory_(new_trajectory()) {
    for (const auto& path : {plan.output, plan.grid, plan.trajectory}) {
      if (!path.empty()) require_writable(path.string(), controls.overwrite);
    }
  }

  SamplingResult run() {
    SamplingResult result;
    result.relative_sigma = plan_.sampler->levels(*prior_).front().relative_sigma();
    const auto start = std::chrono::steady_clock::now();
    std::vector<at::Tensor> done;
    const std::int64_t wanted = plan_.options.samples;
    std::int64_t at_once = plan_.options.batch;
    if (controls_.device.is_cpu()) at_once = std::min(at_once, prior_->most_at_once(size_[0], size_[1], false));
    for (std::int64_t first = 0, count = 0; first < wanted; first += count) {
      const std::optional<DrawReport> drawn = draw_as_fits(first, count = std::min(at_once, wanted - first));
      if (!drawn) {
        at_once = (count + 1) / 2;
        count = 0;
        continue;
      }
      const DrawReport& report = *drawn;
      result.interrupted = report.stopped;
      if (report.stopped) break;
      done.push_back(report.x.to(at::kCPU));
      result.set.nfe = report.nfe;
      for (const bool diverged : report.diverged) {
        result.set.status.emplace_back(diverged ? "diverged" : "finished");
        result.diverged += diverged ? 1 : 0;
      }
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!done.empty()) finish(result, at::cat(done));
    return result;
  }

 private:
  /// Nothing where the images do not fit into memory together. Throws OutOfMemory where one alone does not.
  std::optional<DrawReport> draw_as_fits(std::int64_t first, std::int64_t count) {
    std::string reason;
    try {
      return draw_batch(first, count);
    } catch (const std::exception& error) {
      if (!is_out_of_memory(error)) throw;
      reason = first_line_of(error);
    }
    controls_.end();
    if (count == 1) throw OutOfMemory(fmt::format("an image of {} x {}", size_[0], size_[1]), reason);
    log::info("memory: {} images at a time do not fit; going on with {} ({})", count, (count + 1) / 2, reason);
    if (first == 0) trajectory_ = new_trajectory();
    return std::nullopt;
  }

  Trajectory new_trajectory() const {
    const std::int64_t shown = plan_.trajectory.empty() ? 0 : plan_.options.trajectory_samples;
    return {shown, plan_.sampler->steps, range_};
  }

  DrawReport draw_batch(std::int64_t first, std::int64_t count) {
    DrawTask task{.keys = {},
                  .size = size_,
                  .like = at::TensorOptions(at::kFloat).device(controls_.device),
                  .seed = static_cast<std::uint64_t>(plan_.options.seed),
                  .clip = plan_.options.clip};
    for (std::int64_t i = 0; i < count; ++i) task.keys.push_back({0, static_cast<std::uint32_t>(first + i)});
    controls_.begin(
        fmt::format("samples {}-{} of {}: {}", first + 1, first + count, plan_.options.samples, plan_.sampler_name));
    DrawControls draw_controls{.observer = controls_.steps(), .watch = {}, .cancellation = controls_.cancellation};
    if (first == 0) {
      draw_controls.watch = [&](SamplerStep& step) {
        trajectory_.see(step);
        return true;
      };
    }
    const DrawReport report = draw(*plan_.sampler, *prior_, task, draw_controls);
    controls_.end();
    return report;
  }

  void finish(SamplingResult& result, const at::Tensor& samples) const {
    SampleSet& set = result.set;
    set.samples = samples.contiguous();
    set.range = range_;
    set.sampler = plan_.sampler_name;
    set.config = to_yaml(plan_.resolved);
    set.seed = static_cast<std::uint64_t>(plan_.options.seed);
    set.versions = versions();
    set.prior = plan_.prior;
    set.prior_hash = hash_of_prior(plan_.prior);
    for (std::int64_t i = 0; i < samples.size(0); ++i) {
      const bool finished = set.status[static_cast<std::size_t>(i)] == "finished";
      result.grid.push_back({fmt::format("{}{}", i + 1, finished ? "" : " diverged"), samples[i], range_});
    }
    result.strip = trajectory_.tiles();
    result.strip_columns = trajectory_.columns();
    write_files(result);
  }

  void write_files(SamplingResult& result) const {
    write_samples_file(plan_.output.string(), result.set);
    const auto balanced = std::llround(std::ceil(std::sqrt(static_cast<double>(result.grid.size()))));
    const std::int64_t columns = plan_.options.grid_columns > 0 ? plan_.options.grid_columns : balanced;
    if (!plan_.grid.empty()) write_png_panel(plan_.grid.string(), result.grid, static_cast<int>(columns));
    if (!plan_.trajectory.empty()) write_png_panel(plan_.trajectory.string(), result.strip, result.strip_columns);
    result.saved = true;
  }

  const SamplingPlan& plan_;
  const RunControls& controls_;
  PriorPtr prior_;
  std::vector<std::int64_t> size_;
  ImageRange range_;
  Trajectory trajectory_;
};

}  // namespace

void SamplingOptions::visit(ParameterVisitor& v) {
  v.field("prior", prior, "an embedded prior, or a folder with a diffusers model (a path needs a '/')");
  v.choice("precision", precision, "auto", precision_doc);
  memory.visit(v);
  v.field("samples", samples, "images to draw", {.min = 1, .max = 1000000});
  v.field("size", size, "[height, width] in pixels; default: the prior's own, or 128 x 128", {.min = 1, .max = 65536});
  v.field("batch", batch, "images that are drawn together; no effect on what is drawn", {.min = 1, .max = 65536});
  v.field("clip", clip, "clip every denoised image to the prior's range");
  v.field("seed", seed, "seed of all randomness", {.min = 0});
  v.field("output", output, "samples file (HDF5); starts at the working directory");
  v.field("grid", grid, "PNG of all samples; starts at the working directory; empty: none");
  v.field("grid_columns", grid_columns, "samples side by side in it; 0: about as many as rows",
          {.min = 0, .max = 1000});
  v.field("trajectory", trajectory, "PNG of x_t and its denoised image at ten noise levels; empty: none");
  v.field("trajectory_samples", trajectory_samples, "first samples shown in it", {.min = 1, .max = 16});
}

SamplingPlan read_sampling_plan(const Config& config, std::optional<std::uint64_t> seed) {
  SamplingPlan plan;
  YamlOptions options(config.root(), "");
  plan.options.visit(options);
  replace_seed(options, seed, plan.options.seed);
  const auto sections = options.sections("sampler", "the way from noise to images");
  if (sections.size() > 1) throw usage_error(options.location_of("sampler"), "expected one sampler");
  if (!sections.empty()) {
    read_sampler(*sections.front(), plan);
  } else {
    YamlOptions defaults(parse_yaml("{}", {.name = "the default sampler", .folder = {}}), "sampler");
    read_sampler(defaults, plan);
    options.set_resolved("sampler", defaults.resolved());
  }
  options.finish();
  if (!plan.options.size.empty() && plan.options.size.size() != 2) {
    throw usage_error(options.location_of("size"), "size: expected [height, width] in pixels");
  }
  plan.output = plan.options.output;
  plan.grid = plan.options.grid;
  plan.trajectory = plan.options.trajectory;
  plan.prior = prior_from(options, "prior", plan.options.prior);
  plan.resolved = options.resolved();
  return plan;
}

SamplingResult run_sampling(const SamplingPlan& stated, const RunControls& controls) {
  SamplingPlan plan = stated;
  if (!plan.options.precision) {
    const Shape size = image_size(plan, open_prior(plan.prior)->domain());
    settle_precision(plan.options.precision, plan.resolved, true, plan.prior, size, controls.device);
  }
  require_precision(*plan.options.precision, controls.device);
  return Sampling(plan, controls).run();
}

}  // namespace recon
