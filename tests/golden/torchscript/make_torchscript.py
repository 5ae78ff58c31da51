#!/usr/bin/env python3
"""Makes the record against which TorchScript modules are checked: a small network with branches on the time.

Provenance: torch 2.11, safetensors (CPU, float32). Regenerate with

    python tests/golden/torchscript/make_torchscript.py tests/golden/torchscript/scripted
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 2, 3, padding=1)
        self.time = torch.nn.Linear(1, 4)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        h = self.first(x) + self.time(torch.log1p(t)[:, None])[:, :, None, None]
        if t.max() > 500.0:
            h = 2.0 * h
        return self.second(torch.nn.functional.silu(h))


def main():
    torch.manual_seed(5)
    folder = pathlib.Path(sys.argv[1])
    net = Small()
    torch.jit.script(net).save(str(folder / "model.pt"))
    x, t = torch.randn(2, 1, 8, 8, requires_grad=True), torch.tensor([3.0, 700.0])
    out = net(x, t)
    v = torch.randn_like(out)
    vjp, = torch.autograd.grad(out, x, v)
    record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
    save_file({name: value.contiguous() for name, value in record.items()}, folder / "golden.safetensors")
    (folder / "prior.yaml").write_text("architecture: {type: torchscript, in_channels: 1, learn_sigma: true}\n"
                                       "weights: model.pt\nprediction: epsilon\nschedule: vp_linear\n"
                                       "value_range: [-1, 1]\n")


if __name__ == "__main__":
    main()
