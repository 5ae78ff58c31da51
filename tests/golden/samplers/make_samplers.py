"""Writes samplers.json: short trajectories of diffusers' schedulers and k-diffusion's samplers, the judges of our samplers.

The data are N(0.3, 0.7²) per pixel, so the network is the exact denoiser in closed form; four pixels, five to seven steps.
Every record has
  package, sampler, options   what was called
  state        "vp": x = alpha x_0 + sigma eps with alpha² + sigma² = 1; "ve": x = x_0 + r eps
  alpha, sigma levels in that state, one per step and the one reached at the end (sigma 0)
  timesteps    of the table, where there is one (vp_linear, 1000 steps, betas 1e-4..0.02)
  x            the state at each of those levels; x[0] is where sampling starts
  noise        the standard normal draws of each step, where it draws (a step that draws nothing: null)
  variance     DDPM only: the variance that diffusers adds at each step, 0 at the last
  sigma_hat    churn only: the level to which each step first raises the noise (EDM, algorithm 2)
  precision    "float64": arithmetic and levels in double; "float32": levels as recorded, state rounded to float32 by the
               package in every step

How it is made exact: alphas_cumprod of DDPM and DDIM is replaced by the same product in float64 (the formulas of step() are
the package's own); the sigmas of the others are the package's float32 numbers, computed with in double. diffusers' Euler and
DPM-Solver cast the state to float32 themselves. Draws are injected: DDIM's
variance_noise, k-diffusion's noise_sampler, otherwise randn_tensor / torch.randn_like as seen by the package is replaced by a
function that hands out the recorded numbers.

Provenance: diffusers 0.42.1, k-diffusion 0.1.1.post1 (installed with --no-deps; scipy, torchdiffeq, torchsde and torchvision,
which k_diffusion.sampling and .utils import but none of the functions used here calls, are stubbed), torch 2.11.
Run: python tests/golden/samplers/make_samplers.py
"""
import importlib
import json
import math
import pathlib
import sys
import types
from unittest import mock

import diffusers
import numpy as np
import torch

MEAN, DEVIATION = 0.3, 0.7
X_T = torch.tensor([[1.1, -0.4, 0.25, -1.7]], dtype=torch.float64)


def k_sampling():
    for name in ("scipy", "torchdiffeq", "torchsde", "torchvision", "torchvision.transforms"):
        sys.modules.setdefault(name, mock.MagicMock())
    spec = importlib.util.find_spec("k_diffusion")
    package = types.ModuleType("k_diffusion")  # without its __init__, which imports models and data sets
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["k_diffusion"] = package
    return importlib.import_module("k_diffusion.sampling")


def denoise(x, alpha, sigma):
    """E[x_0 | x] for x_0 ~ N(MEAN, DEVIATION²)."""
    signal = alpha * alpha * DEVIATION**2
    return (sigma * sigma * MEAN + alpha * DEVIATION**2 * x) / (signal + sigma * sigma)


def epsilon(x, alpha, sigma):
    return (x - alpha * denoise(x, alpha, sigma)) / sigma


def exact_table():
    return torch.from_numpy(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))


def numbers(tensor):
    return [float(value) for value in torch.as_tensor(tensor, dtype=torch.float64).reshape(-1)]


def draws(count, seed):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 4))).reshape(count, 1, 4)


def record(sampler, options, state, alpha, sigma, x, **more):
    package = "k_diffusion" if sampler.startswith("sample_") else "diffusers"
    return {"package": package, "sampler": sampler, "options": options, "state": state, "alpha": numbers(alpha),
            "sigma": numbers(sigma), "x": [numbers(row) for row in x], **more}


def vp_levels(timesteps):
    alpha_bar = torch.cat([exact_table()[timesteps], torch.ones(1, dtype=torch.float64)])
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()


def ddpm(options, steps, seed):
    scheduler = diffusers.DDPMScheduler(clip_sample=False, **options)
    scheduler.alphas_cumprod = exact_table()
    scheduler.set_timesteps(steps)
    alpha, sigma = vp_levels(scheduler.timesteps)
    noise = draws(steps, seed)
    noise[-1] = 0
    x, variance = [X_T], []
    for i, t in enumerate(scheduler.timesteps):
        with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: noise[i]):
            x.append(scheduler.step(epsilon(x[-1], alpha[i], sigma[i]), t, x[-1]).prev_sample)
        variance.append(0.0 if i == steps - 1 else float(scheduler._get_variance(t)))
    return record("DDPMScheduler", options, "vp", alpha, sigma, x, timesteps=scheduler.timesteps.tolist(),
                  noise=[numbers(row) for row in noise[:-1]] + [None], variance=variance, precision="float64")


def ddim(options, steps, eta, seed):
    scheduler = diffusers.DDIMScheduler(clip_sample=False, **options)
    scheduler.alphas_cumprod = exact_table()
    scheduler.set_timesteps(steps)
    alpha, sigma = vp_levels(scheduler.timesteps)
    noise = draws(steps, seed)
    noise[-1] = 0
    x = [X_T]
    for i, t in enumerate(scheduler.timesteps):
        out = epsilon(x[-1], alpha[i], sigma[i])
        x.append(scheduler.step(out, t, x[-1], eta=eta, variance_noise=noise[i]).prev_sample)
    more = {} if eta == 0 else {"noise": [numbers(row) for row in noise[:-1]] + [None]}
    return record("DDIMScheduler", {**options, "eta": eta}, "vp", alpha, sigma, x, timesteps=scheduler.timesteps.tolist(),
                  precision="float64", **more)


def euler_or_heun(kind, options, steps):
    scheduler = getattr(diffusers, kind)(beta_start=1e-4, beta_end=0.02, **options)
    scheduler.set_timesteps(steps)
    scheduler.sigmas = scheduler.sigmas.double()
    state = X_T * float(scheduler.sigmas[0])
    x, levels, times = [state], [float(scheduler.sigmas[0])], [float(scheduler.timesteps[0])]
    for i, t in enumerate(scheduler.timesteps):
        scheduler.scale_model_input(state, t)
        r = float(scheduler.sigmas[i])
        state = scheduler.step(epsilon(state, 1, r), t, state).prev_sample
        last = i + 1 == len(scheduler.timesteps)
        if last or getattr(scheduler, "state_in_first_order", True):  # Heun: the second half of a step is done
            x.append(state)
            levels.append(float(scheduler.sigmas[i + 1]))
            times += [] if last else [float(scheduler.timesteps[i + 1])]
    return record(kind, options, "ve", torch.ones(len(levels)), torch.tensor(levels, dtype=torch.float64), x, timesteps=times,
                  precision="float32" if kind.startswith("Euler") else "float64")


def dpm(options, steps):
    scheduler = diffusers.DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", solver_order=2, **options)
    scheduler.set_timesteps(steps)
    scheduler.sigmas = scheduler.sigmas.double()
    alpha, sigma = scheduler._sigma_to_alpha_sigma_t(scheduler.sigmas)
    x = [X_T]
    for i, t in enumerate(scheduler.timesteps):
        x.append(scheduler.step(epsilon(x[-1], alpha[i], sigma[i]), t, x[-1]).prev_sample)
    return record("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2, **options}, "vp", alpha,
                  sigma, x, timesteps=scheduler.timesteps.tolist(), precision="float32")


def k_diffusion(sampling, name, steps, seed=None, **options):
    sigmas = sampling.get_sigmas_karras(steps, 0.02, 40.0).double()
    noise = None if seed is None else draws(steps, seed)
    x, hats, given = [], [], iter(range(steps))
    if name == "sample_euler_ancestral":
        options = {**options, "noise_sampler": lambda *_: noise[next(given)]}
    def note(info):
        hats.append(float(info["sigma_hat"]))
        # With churn, info["x"] already holds the added noise: take it off again, it is known.
        added = (info["sigma_hat"] ** 2 - info["sigma"] ** 2).clamp(min=0) ** 0.5
        x.append(info["x"] - (noise[info["i"]] * added if "s_churn" in options else 0))
    patch = mock.patch("torch.randn_like", lambda *_: noise[next(given)] if "s_churn" in options else torch.zeros(1, 4))
    with patch:
        last = getattr(sampling, name)(lambda state, s: denoise(state, 1, s[:, None]), X_T * 40.0, sigmas, callback=note,
                                       disable=True, **options)
    more = {"precision": "float64"}
    if seed is not None:
        rows = [numbers(row) for row in noise]
        more["noise"] = rows if "s_churn" in options else rows[:-1] + [None]
    if "s_churn" in options:
        more["sigma_hat"] = hats
    options.pop("noise_sampler", None)
    return record(name, {"sigmas": "karras", **options}, "ve", torch.ones(steps + 1), sigmas, x + [last], **more)


def main():
    sampling = k_sampling()
    leading, trailing, linspace = ({"timestep_spacing": word} for word in ("leading", "trailing", "linspace"))
    records = [
        ddpm({**leading, "variance_type": "fixed_small"}, 5, 1),
        ddpm({**trailing, "variance_type": "fixed_small"}, 5, 2),
        ddpm({**trailing, "variance_type": "fixed_large"}, 5, 3),
        ddim(leading, 5, 0.0, None),
        ddim(trailing, 5, 0.0, None),
        ddim(leading, 5, 0.5, 4),
        ddim(trailing, 5, 1.0, 5),
        euler_or_heun("EulerDiscreteScheduler", trailing, 6),
        euler_or_heun("HeunDiscreteScheduler", trailing, 6),
        dpm(linspace, 7),
        dpm(trailing, 5),
        k_diffusion(sampling, "sample_euler", 6),
        k_diffusion(sampling, "sample_heun", 6),
        k_diffusion(sampling, "sample_heun", 6, seed=6, s_churn=3.0, s_tmin=0.05, s_tmax=20.0, s_noise=1.0),
        k_diffusion(sampling, "sample_dpmpp_2m", 6),
        k_diffusion(sampling, "sample_euler_ancestral", 6, seed=7),
    ]
    result = {"versions": {"diffusers": diffusers.__version__, "k_diffusion": importlib.metadata.version("k-diffusion"),
                           "torch": torch.__version__, "numpy": np.__version__},
              "mean": MEAN, "deviation": DEVIATION, "records": records}
    assert all(math.isfinite(v) for r in records for row in r["x"] for v in row)
    text = json.dumps(result, indent=1)
    path = pathlib.Path(__file__).with_name("samplers.json")
    path.write_text(text + "\n")


if __name__ == "__main__":
    main()
