#!/usr/bin/env python3
"""Makes the records against which DRUNet, FFDNet and DnCNN are checked, with the names of DPIR, KAIR and deepinv.

Provenance: torch 2.11, safetensors (CPU, float32). The networks are written anew here as modules of nn.Sequential, from
their definitions (Zhang et al. 2021, section 3.1; Zhang, Zuo & Zhang 2018, section III; Zhang et al. 2017, section III)
and the names of their published state dicts, with random weights. Regenerate with

    python tests/golden/denoisers/make_denoisers.py tests/golden/denoisers

Each case is a folder with prior.yaml, a file of torch.save and golden.safetensors: x, t (the noise level), out, v, vjp.
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch import nn


def conv(channels_in, channels_out, size=3, bias=True):
    return nn.Conv2d(channels_in, channels_out, size, stride=1 if size == 3 else size, padding=size // 3, bias=bias)


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.res = nn.Sequential(conv(channels, channels, bias=False), nn.ReLU(), conv(channels, channels, bias=False))

    def forward(self, x):
        return x + self.res(x)


def level_map(x, t):
    return t[:, None, None, None] * torch.ones_like(x[:, :1])


class DRUNet(nn.Module):
    def __init__(self, channels, nc, nb):
        super().__init__()
        self.m_head, self.m_tail = conv(channels + 1, nc[0], bias=False), conv(nc[0], channels, bias=False)
        for level in (1, 2, 3):
            here, below = nc[level - 1], nc[level]
            blocks = lambda: [Residual(here) for _ in range(nb)]
            self.add_module(f"m_down{level}", nn.Sequential(*blocks(), conv(here, below, 2, bias=False)))
            up = nn.ConvTranspose2d(below, here, 2, stride=2, bias=False)
            self.add_module(f"m_up{level}", nn.Sequential(up, *blocks()))
        self.m_body = nn.Sequential(*[Residual(nc[3]) for _ in range(nb)])

    def forward(self, x, t):
        first = self.m_head(torch.cat([x, level_map(x, t)], 1))
        second = self.m_down1(first)
        third = self.m_down2(second)
        fourth = self.m_down3(third)
        h = self.m_up3(self.m_body(fourth) + fourth)
        return self.m_tail(self.m_up1(self.m_up2(h + third) + second) + first)


def sequence(channels_in, nc, channels_out, nb):
    layers = [conv(channels_in, nc), nn.ReLU()]
    for _ in range(nb - 2):
        layers += [conv(nc, nc), nn.ReLU()]
    return nn.Sequential(*layers, conv(nc, channels_out))


class FFDNet(nn.Module):
    def __init__(self, channels, nc, nb):
        super().__init__()
        self.model = sequence(4 * channels + 1, nc, 4 * channels, nb)

    def forward(self, x, t):
        b, c, h, w = x.shape
        # Channel 4 c + 2 i + j is the pixel in row i and column j of each block.
        blocks = x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(b, 4 * c, h // 2, w // 2)
        out = self.model(torch.cat([blocks, level_map(blocks, t)], 1))
        return out.reshape(b, c, 2, 2, h // 2, w // 2).permute(0, 1, 4, 2, 5, 3).reshape(b, c, h, w)


class DnCNNOfKair(nn.Module):
    def __init__(self, channels, nc, nb):
        super().__init__()
        self.model = sequence(channels, nc, channels, nb)

    def forward(self, x, t):
        return x - self.model(x)


class DnCNNOfDeepinv(nn.Module):
    def __init__(self, channels, nc, nb):
        super().__init__()
        self.in_conv, self.out_conv = conv(channels, nc), conv(nc, channels)
        self.conv_list = nn.ModuleList(conv(nc, nc) for _ in range(nb - 2))

    def forward(self, x, t):
        h = self.in_conv(x).relu()
        for layer in self.conv_list:
            h = layer(h).relu()
        return x + self.out_conv(h)


CASES = {
    "drunet": (DRUNet(1, [4, 6, 8, 10], 2), 1, "{type: drunet, in_channels: 1, nc: [4, 6, 8, 10], nb: 2}"),
    "ffdnet": (FFDNet(3, 8, 4), 3, "{type: ffdnet, in_channels: 3, nc: 8, nb: 4}"),
    "dncnn_kair": (DnCNNOfKair(1, 6, 5), 1, "{type: dncnn, in_channels: 1, nc: 6, nb: 5}"),
    "dncnn_deepinv": (DnCNNOfDeepinv(3, 6, 4), 3, "{type: dncnn, in_channels: 3, nc: 6, nb: 4, layout: deepinv}"),
}


def main():
    torch.manual_seed(7)
    for name, (net, channels, architecture) in CASES.items():
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(exist_ok=True)
        for parameter in net.parameters():
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.1)
        torch.save(net.state_dict(), folder / "model.pt")
        x, t = torch.randn(2, channels, 16, 24, requires_grad=True), torch.tensor([0.02, 0.15])
        out = net(x, t)
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
        save_file({key: value.contiguous() for key, value in record.items()}, folder / "golden.safetensors")
        (folder / "prior.yaml").write_text(
            f"architecture: {architecture}\nweights: model.pt\nprediction: x0\ntime_input: relative_sigma\n"
            "schedule: {type: ve_geometric, sigma_min: 0.001, sigma_max: 0.196}\nvalue_range: [0, 1]\n")


if __name__ == "__main__":
    main()
