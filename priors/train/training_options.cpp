#include "priors/train/training_options.h"

namespace recon {

void TrainingOptions::visit(ParameterVisitor& v) {
  v.field("steps", steps, "updates of the weights; more of them for a run that is finished take it up again",
          {.min = 1});
  v.field("minutes", minutes,
          "time limit over all sessions; 0: none. The run ends, and `decay` with it, when steps or "
          "minutes are used up",
          {.min = 0});
  v.field("batch", batch, "images per step", {.min = 1, .max = 65536});
  v.field("crop", crop, "side of the random square crops in pixels; 0: whole images", {.min = 0, .max = 1 << 14});
  v.field("flip", flip, "mirror half of the images left to right");
  v.field("rotate", rotate, "turn images by a random multiple of 90 degrees (square ones; needs no meaning of `up`)");
  v.field("contrast", contrast,
          "images with another contrast: values u from black (0) to white (1) become u^g, g random between 1/contrast "
          "and contrast; 1: as they are",
          {.min = 1, .max = 10});
  v.field("shading", shading,
          "images with uneven brightness, as near a coil or a lamp: largest share of it that is lost far from a random "
          "point; 0: as they are",
          {.min = 0, .max = 1});
  v.choice("levels", levels,
           "how noise levels are drawn: uniform in the schedule's time (whole timesteps of a table), or relative sigma "
           "with a normal or a uniform logarithm");
  v.field("log_mean", log_mean, "log_normal: mean of ln(relative sigma); P_mean of Karras et al.");
  v.field("log_std", log_std, "log_normal: standard deviation of ln(relative sigma); P_std",
          {.min = 0, .open_min = true});
  v.choice("weighting", weighting, "auto",
           "weight of the squared error at each noise level; auto: sigma_squared for score, edm for edm, else simple");
  v.field("gamma", gamma, "min_snr: largest weight of the squared error of x0", {.min = 0, .open_min = true});
  v.field("learning_rate", learning_rate, "of AdamW, at its highest", {.min = 0, .open_min = true});
  v.field("warmup", warmup, "steps over which the learning rate rises from 0", {.min = 0});
  v.choice("decay", decay, "learning rate after the warm-up; cosine ends at 0 with the run");
  v.field("betas", betas, "[beta1, beta2] of AdamW");
  v.field("weight_decay", weight_decay, "of AdamW, decoupled", {.min = 0});
  v.field("gradient_clip", gradient_clip, "largest norm of the gradient; 0: no limit", {.min = 0});
  v.field("ema", ema, "decay of the moving average of the weights, which is what is exported; 0: none",
          {.min = 0, .max = 1});
  v.choice("precision", precision, "of convolutions and matrix products; weights and updates are float32 either way");
  v.field("checkpoint_every", checkpoint_every, "steps between states from which a killed run resumes", {.min = 1});
  v.field("validate_every", validate_every, "steps between validations, each of which exports the prior", {.min = 1});
  v.field("validation_images", validation_images, "images of a validation", {.min = 1});
  v.field("validation_levels", validation_levels, "noise levels of a validation", {.min = 2, .max = 256});
  v.field("seed", seed, "seed of all randomness", {.min = 0});
}

}  // namespace recon
