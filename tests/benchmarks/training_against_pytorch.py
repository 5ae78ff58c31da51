#!/usr/bin/env python3
"""A training step of recon against the same step written in PyTorch eager with diffusers, in turn, in one run.

The same on both sides: UNet2DModel of natural_gray (or of configs/train/tiny.yaml), 8 crops, v prediction, AdamW (fused),
gradient clipping, moving average of the weights by _foreach_lerp_, one thread. recon's step includes cutting, turning and
noising the images. Processor time, which other work on the machine disturbs little; medians of ROUNDS alternations; prints
ms per step and the ratio recon / PyTorch.

    python tests/benchmarks/training_against_pytorch.py build/release/tests/benchmarks/recon_benchmarks [ROUNDS]

Needs torch and diffusers (the torch version of recon/setup, so that the kernels are the same).
"""
import json
import pathlib
import statistics
import subprocess
import sys
import time

import torch
from diffusers import UNet2DModel

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = 12


def shipped_config():
    config = json.loads((ROOT / "priors/weights/natural_gray/unet/config.json").read_text())
    return {key: value for key, value in config.items() if not key.startswith("_")}, 64


def tiny_config():
    return dict(in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8,
                attention_head_dim=16, down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2), 32


class PytorchStep:
    def __init__(self, config, side, bfloat16):
        self.net = UNet2DModel(**config)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=2e-4, weight_decay=0, fused=True)
        self.average = [p.detach().clone() for p in self.net.parameters()]
        self.image, self.side, self.bfloat16 = torch.zeros(1, 2 * side, 2 * side), side, bfloat16
        self.alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)

    def __call__(self):
        side = self.side
        crops = []
        for _ in range(8):
            top, left = torch.randint(side + 1, (2,)).tolist()
            crop = self.image[:, top:top + side, left:left + side]
            crops.append(crop.flip(2) if torch.rand(()) < 0.5 else crop)
        x0 = torch.nn.functional.pixel_unshuffle(torch.stack(crops), 2)
        t = torch.randint(1000, (8,))
        alpha = self.alpha_bar[t].sqrt().reshape(-1, 1, 1, 1)
        sigma = (1 - self.alpha_bar[t]).sqrt().reshape(-1, 1, 1, 1)
        noise = torch.randn_like(x0)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            out = self.net(alpha * x0 + sigma * noise, t).sample
        loss = torch.nn.functional.mse_loss(out.float(), alpha * noise - sigma * x0)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.net.parameters()), 0.001)
        return loss.item()


def pytorch_ms(step):
    times = []
    for _ in range(STEPS):
        begin = time.process_time()
        step()
        times.append(1e3 * (time.process_time() - begin))
    return statistics.median(times)


def recon_ms(program, name):
    text = subprocess.run([program, f"--benchmark_filter=^{name}/", f"--benchmark_min_time=1", "--benchmark_format=json"],
                          check=True, capture_output=True, text=True).stdout
    return json.loads(text)["benchmarks"][0]["cpu_time"]


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.set_num_threads(1)
    for label, name, (config, side) in [("natural_gray", "TrainingStep", shipped_config()),
                                        ("tiny", "TinyTrainingStep", tiny_config())]:
        for bfloat16 in (False, True):
            step = PytorchStep(config, side, bfloat16)
            step()
            ours, theirs = [], []
            for _ in range(rounds):
                theirs.append(pytorch_ms(step))
                ours.append(recon_ms(program, f"{name}/bfloat16:{int(bfloat16)}"))
            ratio = statistics.median(a / b for a, b in zip(ours, theirs))
            print(f"{label:13} {'bfloat16' if bfloat16 else 'float32':9} recon {statistics.median(ours):8.2f} ms   "
                  f"PyTorch {statistics.median(theirs):8.2f} ms   ratio {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
