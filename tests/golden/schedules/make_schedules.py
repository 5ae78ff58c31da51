"""Writes schedules.json, the judge of priors/noise_schedule.h: what real packages take for the same schedules.

tables     alpha_bar of the DDPM tables: diffusers DDPMScheduler(...).alphas_cumprod (float32; key "diffusers"), and the same
           definitions evaluated here with numpy in float64 (key "float64"). A few timesteps of each table are kept.
timesteps  DDPMScheduler and DDIMScheduler .set_timesteps(n) with every timestep_spacing, whole lists of integers
checksums  for every n from 1 to 1000 of 1000 (ties and rounding!): the sum over n and i of (i + 1) t_i, and the n for which
           diffusers' trailing list has an entry -1 too many (rounding of numpy.arange), which is dropped first
sigmas     k_diffusion.sampling.get_sigmas_* (float32) and the sigmas of diffusers' EDMEulerScheduler (float64 rounded to
           float32), without the 0 that they append
preconditioning   c_skip, c_out, c_in, c_noise as EDMEulerScheduler applies them (float64), by feeding it zeros and ones
posterior  DDPMScheduler._get_variance (fixed_small, fixed_large) and the two weights of the posterior mean, by feeding step()
           unit vectors; alphas_cumprod replaced by the float64 product

Provenance: diffusers 0.42.1, k-diffusion 0.1.1.post1, installed with --no-deps; scipy, torchdiffeq, torchsde and torchvision,
which k_diffusion.sampling and .utils import but none of the functions used here calls, are stubbed. torch 2.11, numpy 2.4.
Run: python tests/golden/schedules/make_schedules.py
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

CASES = [
    {"schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02, "timesteps": 1000},
    {"schedule": "linear", "beta_start": 1e-3, "beta_end": 0.2, "timesteps": 100},
    {"schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "timesteps": 1000},
    {"schedule": "squaredcos_cap_v2", "timesteps": 1000},
    {"schedule": "squaredcos_cap_v2", "timesteps": 50},
]


def betas_float64(case):
    n = case["timesteps"]
    if case["schedule"] == "linear":
        return np.linspace(case["beta_start"], case["beta_end"], n)
    if case["schedule"] == "scaled_linear":
        return np.linspace(math.sqrt(case["beta_start"]), math.sqrt(case["beta_end"]), n) ** 2
    alpha_bar = np.cos((np.arange(n + 1) / n + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], 0.999)


def tables():
    result = []
    for case in CASES:
        options = {"beta_start": case["beta_start"], "beta_end": case["beta_end"]} if "beta_start" in case else {}
        scheduler = diffusers.DDPMScheduler(
            num_train_timesteps=case["timesteps"], beta_schedule=case["schedule"], **options)
        n = case["timesteps"]
        rows = sorted({0, 1, n // 10, n // 3, n // 2, (3 * n) // 4, n - 2, n - 1})
        exact = np.cumprod(1 - betas_float64(case))
        result.append({
            **case,
            "t": rows,
            "diffusers": [float(scheduler.alphas_cumprod[t]) for t in rows],
            "float64": [float(exact[t]) for t in rows],
        })
    return result


def timesteps():
    result = []
    for kind in ("DDPMScheduler", "DDIMScheduler"):
        for spacing, offset in (("leading", 0), ("leading", 1), ("trailing", 0), ("linspace", 0)):
            for train, steps in ((1000, 1), (1000, 2), (1000, 7), (1000, 10), (1000, 50), (100, 3), (100, 60), (100, 99)):
                scheduler = getattr(diffusers, kind)(
                    num_train_timesteps=train, timestep_spacing=spacing, steps_offset=offset)
                scheduler.set_timesteps(steps)
                result.append({"scheduler": kind, "spacing": spacing, "steps_offset": offset, "timesteps": train,
                               "steps": steps, "t": scheduler.timesteps.tolist()})
    return result


def checksums():
    result = []
    for spacing in ("leading", "trailing", "linspace"):
        scheduler = diffusers.DDPMScheduler(timestep_spacing=spacing)
        total, overlong = 0, []
        for n in range(1, 1001):
            scheduler.set_timesteps(n)
            t = scheduler.timesteps.tolist()
            if len(t) != n:
                assert len(t) == n + 1 and t[-1] == -1
                overlong.append(n)
            total += sum((i + 1) * value for i, value in enumerate(t[:n]))
        result.append({"spacing": spacing, "timesteps": 1000, "overlong": overlong, "sum": total})
    return result


def k_sampling():
    for name in ("scipy", "torchdiffeq", "torchsde", "torchvision", "torchvision.transforms"):
        sys.modules.setdefault(name, mock.MagicMock())
    package = types.ModuleType("k_diffusion")  # without its __init__, which imports models and data sets
    package.__path__ = list(importlib.util.find_spec("k_diffusion").submodule_search_locations)
    sys.modules["k_diffusion"] = package
    return importlib.import_module("k_diffusion.sampling")


def sigmas():
    sampling, result = k_sampling(), []

    def add(function, values, **options):
        result.append({"function": function, **options, "sigmas": [float(s) for s in values[:-1]]})

    for n in (1, 2, 10):
        ends = {"sigma_min": 0.02, "sigma_max": 40.0}
        add("get_sigmas_karras", sampling.get_sigmas_karras(n, **ends), n=n, **ends)
        add("get_sigmas_exponential", sampling.get_sigmas_exponential(n, **ends), n=n, **ends)
        add("get_sigmas_polyexponential", sampling.get_sigmas_polyexponential(n, rho=1.0, **ends), n=n, **ends)
        add("get_sigmas_vp", sampling.get_sigmas_vp(n), n=n)
        for schedule in ("karras", "exponential"):
            scheduler = diffusers.EDMEulerScheduler(sigma_schedule=schedule)
            if n == 1 and schedule == "exponential":
                continue  # diffusers' single exponential sigma is sigma_min: nothing to start from
            scheduler.set_timesteps(n)
            add("EDMEulerScheduler_" + schedule, scheduler.sigmas, n=n, sigma_min=0.002, sigma_max=80.0)
    return result


def preconditioning():
    result = []
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for sigma_data in (0.5, 0.2):
        scheduler = diffusers.EDMEulerScheduler(sigma_data=sigma_data)
        for value in (0.002, 0.1, 0.5, 3.0, 80.0):
            sigma = torch.tensor(value, dtype=torch.float64)
            result.append({"sigma_data": sigma_data, "sigma": value,
                           "c_skip": float(scheduler.precondition_outputs(one, zero, sigma)),
                           "c_out": float(scheduler.precondition_outputs(zero, one, sigma)),
                           "c_in": float(scheduler.precondition_inputs(one, sigma)),
                           "c_noise": float(scheduler.precondition_noise(sigma))})
    return result


def posterior():
    result = []
    for steps in (1000, 20):
        scheduler = diffusers.DDPMScheduler(clip_sample=False, timestep_spacing="trailing", prediction_type="sample")
        scheduler.alphas_cumprod = torch.from_numpy(np.cumprod(1 - betas_float64(CASES[0])))
        scheduler.set_timesteps(steps)
        zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        times = scheduler.timesteps.tolist()
        for i in sorted({0, 1, steps // 2, steps - 2}):
            with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: zero):
                weights = [float(scheduler.step(x0, times[i], x_t).prev_sample) for x0, x_t in ((one, zero), (zero, one))]
            variance = {kind: float(scheduler._get_variance(times[i], variance_type=kind))
                        for kind in ("fixed_small", "fixed_large")}
            result.append({"from": times[i], "to": times[i + 1], "x0_weight": weights[0], "xt_weight": weights[1], **variance})
    return result


def main():
    result = {"versions": {"diffusers": diffusers.__version__, "k_diffusion": importlib.metadata.version("k-diffusion"),
                           "torch": torch.__version__, "numpy": np.__version__},
              "tables": tables(), "timesteps": timesteps(), "checksums": checksums(), "sigmas": sigmas(), "preconditioning": preconditioning(),
              "posterior": posterior()}
    path = pathlib.Path(__file__).with_name("schedules.json")
    # One record per line: the lists of timesteps are long.
    parts = [f' "versions": {json.dumps(result.pop("versions"))}']
    for name, rows in result.items():
        parts.append(f' "{name}": [\n  ' + ",\n  ".join(json.dumps(row) for row in rows) + "\n ]")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
