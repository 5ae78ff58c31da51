#!/usr/bin/env python3
"""Makes the records against which exported networks are checked: small random U-Nets with attention, and what they give
at three sizes other than the one that they were exported at. `small` computes with sizes, lists, buffers and constants;
`norms` has norms and activations in every form that recon carries out in a way of its own, and in forms that look like
them; `decomposed` is `norms` in the core operators of torch, which
have no instance norm.

Provenance: torch 2.11, safetensors (CPU, float32). Regenerate with

    python tests/golden/exported/make_exported.py tests/golden/exported
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


class Norms(torch.nn.Module):
    def __init__(self, instance=True, channels=16):
        super().__init__()
        conv = lambda inputs, outputs, side=3: torch.nn.Conv2d(inputs, outputs, side, padding=side // 2)
        self.enter, self.first, self.second = conv(1, channels), conv(channels, channels), conv(channels, channels)
        self.norms = torch.nn.ModuleList(torch.nn.GroupNorm(groups, channels, eps) for groups, eps in
                                         [(4, 1e-5), (8, 1e-3), (16, 1e-5), (2, 1e-6), (1, 1e-5), (4, 1e-2)])
        self.instance = torch.nn.InstanceNorm2d(channels) if instance else torch.nn.Identity()
        self.dropout = torch.nn.Dropout(0.1)
        self.qkv, self.proj = conv(channels, 3 * channels, 1), conv(channels, channels, 1)
        self.leave = conv(2 * channels + 2, 2)
        self.narrow, self.odd = conv(2 * channels, 10), torch.nn.GroupNorm(5, 10)
        for name, value in self.named_parameters():
            if value.dim() == 1:
                value.data += 0.3 * torch.randn_like(value)

    def forward(self, x, t):
        h = self.enter(x) + (t / 1000)[:, None, None, None]
        h = h + self.second(self.dropout(F.silu(self.norms[0](h))))
        z = self.norms[1](h)
        h = (h + self.first(z * torch.sigmoid(z))) / 1.0
        twice = self.norms[2](h)  # of use beside its activation
        h = h + F.silu(twice) * 0.5 + 0.1 * twice
        z = self.norms[3](h)
        h = h + z * torch.sigmoid(2 * z)  # looks like silu
        z = self.norms[4](h)
        gate = torch.sigmoid(z)
        h = h + 0.2 * (z * gate) + 0.1 * gate  # a gate of use elsewhere
        coarse = F.avg_pool2d(F.silu(self.instance(h)), 2)
        b, c, height, width = coarse.shape
        q, k, v = self.qkv(self.norms[5](coarse)).view(b, 3, 2, c // 2, height * width).transpose(3, 4).unbind(1)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(b * 2, c // 2, height, width)
        coarse = coarse + self.proj(mixed.contiguous().view(b, c, height, width))
        wide = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        both = torch.cat([wide, h], dim=1)
        narrow = F.silu(self.odd(self.narrow(both)))
        low, high = narrow.contiguous().view(b * 5, 2, 2 * height, 2 * width).view(b, 5, 2, 2 * height, 2 * width)[:, :2].unbind(1)
        return self.leave(torch.cat([both, low * high], dim=1))


def record(net, folder, images=((1, 8, 12), (3, 20, 16), (2, 32, 32)), decompose=False):
    folder.mkdir(exist_ok=True)
    sides = Dim.DYNAMIC, Dim.DYNAMIC
    if isinstance(net, Norms):
        sides = 2 * Dim("half_height", max=512), 2 * Dim("half_width", max=512)
    example = torch.randn(2, 1, 16, 16), torch.tensor([3.0, 700.0])
    sizes = {0: Dim.DYNAMIC, 2: sides[0], 3: sides[1]}, {0: Dim.DYNAMIC}
    program = torch.export.export(net, example, dynamic_shapes=sizes)
    torch.export.save(program.run_decompositions() if decompose else program, folder / "model.pt2")
    for batch, height, width in images:
        x = torch.randn(batch, 1, height, width, requires_grad=True)
        t = torch.tensor([3.0, 700.0, 20.5])[:batch]
        out = net(x, t)
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        values = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
        save_file({name: value.contiguous() for name, value in values.items()},
                  folder / f"golden_{height}x{width}.safetensors")
    (folder / "prior.yaml").write_text("architecture: {type: exported, in_channels: 1, size_multiple: 2, learn_sigma: true}\n"
                                       "weights: model.pt2\nprediction: epsilon\nschedule: vp_linear\n"
                                       "value_range: [-1, 1]\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(11)
    record(Small().eval(), folder / "small")
    torch.manual_seed(12)
    record(Norms().eval(), folder / "norms")
    torch.manual_seed(12)
    record(Norms(instance=False).eval(), folder / "decomposed", images=[(3, 20, 16)], decompose=True)


if __name__ == "__main__":
    main()
