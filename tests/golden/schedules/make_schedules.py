"""Writes schedules.json: alpha_bar tables of the DDPM noise schedules, the judge of priors/noise_schedule.cpp.

Provenance: diffusers 0.42 DDPMScheduler(...).alphas_cumprod (float32; key "diffusers"), and the same definitions evaluated
here with numpy in float64 (key "float64"). A few timesteps of each table are kept.
Run: python tests/golden/schedules/make_schedules.py    (needs diffusers, torch, numpy)
"""
import json
import math
import pathlib

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


def main():
    result = {"versions": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__}, "tables": []}
    for case in CASES:
        options = {"beta_start": case["beta_start"], "beta_end": case["beta_end"]} if "beta_start" in case else {}
        scheduler = diffusers.DDPMScheduler(
            num_train_timesteps=case["timesteps"], beta_schedule=case["schedule"], **options)
        n = case["timesteps"]
        rows = sorted({0, 1, n // 10, n // 3, n // 2, (3 * n) // 4, n - 2, n - 1})
        exact = np.cumprod(1 - betas_float64(case))
        result["tables"].append({
            **case,
            "t": rows,
            "diffusers": [float(scheduler.alphas_cumprod[t]) for t in rows],
            "float64": [float(exact[t]) for t in rows],
        })
    path = pathlib.Path(__file__).with_name("schedules.json")
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
