#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "priors/network_prior.h"
#include "recon/core/rng.h"

namespace recon {

/// What a prior's card has to say about a network: schedule, prediction, time input, scaling and value range; and how
/// well the network denoises when it is taken so.
struct Interpretation {
  NetworkPriorDescription description;
  std::string schedule;        ///< as a card writes it; empty: the schedule that the card already has
  std::vector<double> errors;  ///< ln(mse / half-width² of the value range), per level and image

  double mean_error() const;
};

struct InterpretationSearch {
  Interpretation card;  ///< what the card says
  Interpretation best;  ///< the card's own where no other is better by more than kTie
  bool channel_order_decided = true;

  /// Measured, photograph for natural_gray and brain for brain_mri, twelve wrong cards each: errors 2.0 to 33 times the
  /// best under all but one, 1.10 (1.46 for the brain) where [-1, 1] was called [0, 1], which shows the network
  /// natural images of half the contrast; four levels without the noisiest had 1.07. Under each right card 1.00.
  static constexpr double kTie = 0.01, kAgreement = 0.05;
  /// Within it, interpretations with another schedule or time than the card's are the same but for rounding.
  static constexpr double kSame = 1e-4;
  /// How many times larger the mean squared error is under the card's interpretation, in the geometric mean.
  double ratio() const;
  bool card_agrees() const;
  /// What the card and the best interpretation say differently: "prediction: epsilon, not v".
  std::vector<std::string> differences() const;
  /// Another interpretation that denoises like the best within kTie and may as well be the truth; empty where none is
  /// known.
  std::string equivalent_interpretations() const;
};

/// Finds out how a network is to be interpreted, from clean images alone: noise of known strength is added to them at
/// five levels (0.1, 0.4, 1.5, 6 and 24 half-widths of the value range), and the network denoises them under every
/// interpretation out of
///
///     schedule, time_input, time_scale, input_scaling   the card's; VP tables (linear, scaled linear, cosine, both
///                                                       sigmoids; 4000 timesteps of linear and cosine) at time t,
///                                                       VP and VE at r or ln(r)/4, EDM, flow at t (in 1 and in
///                                                       1/1000, running either way), continuous VP
///     prediction                                        all that make sense with them
///     value_range                                       the card's, [-1, 1], [0, 1], [-0.5, 0.5]
///
/// and then, for three channels, with the channels turned round. A network is a minimum-mean-square-error denoiser
/// under the interpretation that it was trained for, and no other can be better than that on images of its kind; so the
/// least error wins. Ties (kTie, in the mean of ln mse) go to the card, or to its schedule and time: what makes no
/// difference to the denoiser is no fault. Among others that are the same (kSame) the more usual one wins. The channel
/// order is decided where the images have colour and the paired difference is three standard errors from 0.
///
/// `images` float32 [N, C, H, W] in [0, 1], red first, sizes multiples of the domain's. About 290 network passes.
InterpretationSearch search_interpretations(const Network& network, const NetworkPriorDescription& card,
                                            const at::Tensor& images, const Rng& rng);

/// The keys of an interpretation as lines of a prior.yaml.
std::string card_lines(const Interpretation& interpretation);

}  // namespace recon
