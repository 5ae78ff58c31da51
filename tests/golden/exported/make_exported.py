#!/usr/bin/env python3
"""Makes the record against which exported networks are checked: a small random U-Net with attention, and what it gives
at three sizes other than the one that it was exported at.

Provenance: torch 2.11, safetensors (CPU, float32). Regenerate with

    python tests/golden/exported/make_exported.py tests/golden/exported/small
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.export import Dim


class Small(torch.nn.Module):
    """Sizes are computed, lists are split, buffers and constants are used: what exports have in them."""

    def __init__(self, channels=8):
        super().__init__()
        self.register_buffer("frequencies", torch.exp(-math.log(1e4) * torch.arange(4) / 4))
        self.mean = torch.tensor([0.1]).reshape(1, 1, 1, 1)
        self.time = torch.nn.Sequential(torch.nn.Linear(8, channels), torch.nn.SiLU(), torch.nn.Linear(channels, channels))
        self.enter = torch.nn.Conv2d(1, channels, 3, padding=1)
        self.down = torch.nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.norm = torch.nn.GroupNorm(2, channels)
        self.qkv = torch.nn.Linear(channels, 3 * channels)
        self.up = torch.nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.leave = torch.nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, x, t):
        angles = t[:, None] * self.frequencies
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        fine = self.enter(x - self.mean) + time[:, :, None, None]
        coarse = self.down(F.silu(fine))
        b, c, h, w = coarse.shape
        tokens = self.norm(coarse).reshape(b, c, h * w).transpose(1, 2)
        q, k, v = self.qkv(tokens).reshape(b, h * w, 2, 3 * c // 2).transpose(1, 2).chunk(3, dim=-1)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        coarse = (coarse + attended.transpose(1, 2).reshape(b, c, h, w)) / math.sqrt(2)
        wide = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        out = self.leave(F.silu(self.up(torch.cat([wide, fine], dim=1))))
        return out * torch.where(t > 500, 2.0, 1.0)[:, None, None, None]


def main():
    torch.manual_seed(11)
    folder = pathlib.Path(sys.argv[1])
    net = Small().eval()
    sizes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    example = torch.randn(2, 1, 16, 16), torch.tensor([3.0, 700.0])
    torch.export.save(torch.export.export(net, example, dynamic_shapes=(sizes, {0: Dim.DYNAMIC})), folder / "model.pt2")
    for batch, height, width in (1, 8, 12), (3, 20, 16), (2, 32, 32):
        x = torch.randn(batch, 1, height, width, requires_grad=True)
        t = torch.tensor([3.0, 700.0, 20.5])[:batch]
        out = net(x, t)
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
        save_file({name: value.contiguous() for name, value in record.items()},
                  folder / f"golden_{height}x{width}.safetensors")
    (folder / "prior.yaml").write_text("architecture: {type: exported, in_channels: 1, size_multiple: 2, learn_sigma: true}\n"
                                       "weights: model.pt2\nprediction: epsilon\nschedule: vp_linear\n"
                                       "value_range: [-1, 1]\n")


if __name__ == "__main__":
    main()
