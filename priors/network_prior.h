#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "priors/network_convention.h"
#include "priors/networks/network.h"
#include "priors/networks/precision.h"
#include "priors/parameterization.h"
#include "priors/power_spectrum.h"
#include "priors/prior.h"

namespace recon {

/// How a network is to be read as a denoiser.
struct NetworkPriorDescription {
  std::string name;
  ImageDomain domain;
  NoiseSchedule schedule;  ///< the process the network was trained on
  Prediction prediction = Prediction::epsilon;
  TimeInput time_input = TimeInput::timestep;
  double time_scale = 1;  ///< the network's time input is multiplied by it (1000: flows of diffusers)
  std::optional<InputScaling> input_scaling = std::nullopt;  ///< absent: edm for prediction edm, otherwise process
  double sigma_data = kEdmSigmaData;                         ///< of EDM's coefficients
  std::int64_t space_to_depth = 1;                           ///< block side s: the network sees [B, C s², H/s, W/s]
  /// The network sees the position of its pixels in the whole image (positions()), after all other channels.
  bool position_channels = false;
  ImageSymmetry symmetry = ImageSymmetry::none;  ///< of its images
  bool bgr = false;                              ///< the network's channels run the other way than the image's
  bool learned_variance = false;  ///< the network has twice the channels; the second half: see learns_variance()
  double max_relative_sigma = 0;  ///< 0: all that the schedule has
  std::vector<std::pair<double, double>> denoising_mse = {};  ///< see PriorCard
  PowerSpectrum power_spectrum = {};                          ///< of its images; empty: not known
  /// What it knows beside x_t; none: nothing. The network then takes twice the channels (CombinedObservation::input).
  std::optional<TrainedMeasurement> measurement = std::nullopt;

  InputScaling scaling() const {
    return input_scaling.value_or(prediction == Prediction::edm ? InputScaling::edm : InputScaling::process);
  }
};

/// How an image at a noise level is shown to a network, and at which level of the network's own process its output is
/// then to be read: z = x_t own.alpha / alpha, x_0 = to_x0(prediction, network(scale x_t; time), z, own, sigma_data).
struct NetworkInput {
  NoiseLevel own;  ///< the point of the network's process with the same relative sigma
  double scale;    ///< own.alpha / alpha for scaling `process`, c_in / alpha for `edm`
  double time;     ///< the network's time input, see TimeInput
};
/// Below the cleanest level of training the network is given the time of that cleanest level; its schedule's times end
/// at both ends. Training and denoising both use this, so that they cannot differ.
NetworkInput network_input(const NetworkPriorDescription& description, const NoiseLevel& level);

/// The network on images `[B, C, H, W]` that were scaled by network_input(), at the network times `times` `[B]`:
/// channels turned round where it wants them so, space to depth, network, and back: `[B, C, H, W]`, with a learned
/// variance `[B, 2 C, H, W]`, prediction first. A network that knows a measurement takes `[B, 2 C, H, W]`. `places`,
/// one per image, are for networks with position channels: where the images lie in larger ones; empty: they are whole.
/// Float32; differentiable in the images and in the weights.
at::Tensor network_output(const NetworkPriorDescription& description, const Network& network, const at::Tensor& scaled,
                          const at::Tensor& times, const std::vector<ImagePlace>& places = {});

/// What training for a measurement needs: prediction v of a process with alpha² + sigma² = 1, shown as it is. Throws
/// Error(data) at the prior's name for anything else.
void require_measurable(const NetworkPriorDescription& description);

/// A prior whose denoiser is a trained network.
///
/// An image at any level (alpha, sigma) is taken to the point of the network's own process with the same relative sigma
/// (NetworkInput), and the network's output is converted to E[x_0 | x_t] by the table of parameterization.h.
/// Space-to-depth has the channel order of torch's pixel_unshuffle; being a
/// permutation, it leaves the diffusion as it is.
///
/// The network computes in float32, or partly in less (Precision), whatever the precision of x_t; everything around it
/// in x_t's. Weights follow x_t to its device, once per device. On a GPU the weights of convolutions in less than
/// float32 lie with the channels last, where the network takes that: matrix units read them so.
class NetworkPrior final : public Prior {
 public:
  /// Throws Error(data) at the prior's name when channels, multiples or sizes of the description do not fit the
  /// network.
  NetworkPrior(NetworkPriorDescription description, std::shared_ptr<const Network> network,
               Precision precision = Precision::float32);

  double denoising_mse(double relative_sigma) const override;
  at::Tensor power_spectrum(std::int64_t height, std::int64_t width) const override;
  double max_relative_sigma() const override;
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override;
  void require_knows(const LinearMeasurement& y) const override;
  bool learns_variance() const override { return description_.learned_variance; }
  ImageSymmetry symmetry() const override { return description_.symmetry; }
  /// With position channels; it shares this one's weights on all devices. Batches must have as many entries as there
  /// are places: Error(internal).
  std::shared_ptr<const Prior> of_parts(const std::vector<ImagePlace>& places) const override;

  const NetworkPriorDescription& description() const { return description_; }
  const Network& network() const { return *network_; }

 private:
  NetworkPrior(const NetworkPrior& whole, std::vector<ImagePlace> places);
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override;
  Linearized do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const override;
  at::Tensor do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level,
                              const LinearMeasurement& y) const override;
  /// The second half of the channels is w in [-1, 1]: fraction (w + 1) / 2, as guided-diffusion and diffusers read it.
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override;
  enum class Half { prediction, variance };
  /// All that the network gives, channels first halved where the variance is learned.
  at::Tensor run_network(const at::Tensor& scaled, double time) const;
  /// One half of it as an image, in the precision of `like`.
  at::Tensor image_of(const at::Tensor& out, Half half, const at::Tensor& like) const;
  at::Tensor denoised(const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level,
                      const NetworkInput& input) const;
  std::shared_ptr<const Network> network_on(c10::Device device) const;

  NetworkPriorDescription description_;
  std::shared_ptr<const Network> network_;
  Precision precision_;
  std::vector<ImagePlace> places_;  ///< of the images of a batch; empty: they are whole
  /// Of the network, on other devices.
  struct Copies {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const Network>> by_device;
  };
  std::shared_ptr<Copies> copies_ = std::make_shared<Copies>();
};

}  // namespace recon
