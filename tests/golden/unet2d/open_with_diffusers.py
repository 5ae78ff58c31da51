#!/usr/bin/env python3
"""Opens a prior that recon wrote with the real diffusers and compares: python open_with_diffusers.py FOLDER

FOLDER holds what write_prior() wrote, and golden.safetensors with x, t, out = network(x, t) as recon computes it and
alpha_bar of its schedule. Fails unless UNet2DModel gives the same output and DDPMScheduler the same table. Run by
tests/priors/trainer_test.cpp with RECON_REFERENCE_PYTHON.
"""
import pathlib
import sys

import torch
from diffusers import DDPMPipeline, UNet2DModel
from safetensors.torch import load_file

folder = pathlib.Path(sys.argv[1])
golden = load_file(folder / "golden.safetensors")
pipeline = DDPMPipeline.from_pretrained(folder)
model = UNet2DModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32)
with torch.no_grad():
    out = model(golden["x"], golden["t"]).sample
error = ((out - golden["out"]).abs().max() / golden["out"].abs().max()).item()
table = (pipeline.scheduler.alphas_cumprod.double() - golden["alpha_bar"]).abs().max().item()
print(f"output {error:.2e}, alpha_bar {table:.2e}, predicts {pipeline.scheduler.config.prediction_type}")
assert error < 1e-5, "the network's output differs"
assert table < 1e-6, "the schedule differs"  # diffusers' table is float32
assert pipeline.scheduler.config.prediction_type == "v_prediction"
pipeline.set_progress_bar_config(disable=True)
assert len(pipeline(num_inference_steps=2, output_type="np").images) == 1
