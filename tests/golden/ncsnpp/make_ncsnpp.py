#!/usr/bin/env python3
"""Makes the records against which our NCSN++ is checked.

Provenance: torch 2.11, numpy 2.4, safetensors, and sgmse 0.1.2 from PyPI (MIT), whose `sgmse.backbones.ncsnpp` has the layers
of score_sde (Song et al. 2021; Apache 2.0, github.com/yang-song/score_sde_pytorch, commit c8c18d1) with its names,
`all_modules.N`. Its network is the same but for the ends: it takes two complex images for four channels and mixes the four
channels of the output into one complex image. Both ends are taken off here, so the records have images of four channels. The
buffer `sigmas` and the file of a checkpoint are written as models/ncsnpp.py, models/ema.py and utils.py of score_sde do.
Random weights. Regenerate with

    python tests/golden/ncsnpp/make_ncsnpp.py tests/golden/ncsnpp

Each case is a folder with prior.yaml, a file of torch.save and golden.safetensors: x [B,C,H,W], t [B], out, v and
vjp = d<out, v>/dx. t is sigma for Fourier features, an index for positional ones.
"""
import pathlib
import sys

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from sgmse.backbones.ncsnpp import NCSNpp

SMALL = dict(image_size=16, nf=4, ch_mult=[1, 3], num_res_blocks=1, attn_resolutions=[8], embedding_type="fourier", fir=True,
             skip_rescale=True, progressive_input="residual", progressive="none", scale_by_sigma=True, centered=False)
VE = {"prediction": "score", "time_input": "relative_sigma", "value_range": [0, 1],
      "schedule": {"type": "ve_geometric", "sigma_min": 0.01, "sigma_max": 378}}
VP = {"prediction": "epsilon", "schedule": "vp_linear", "value_range": [-1, 1]}
STEPS = {"prediction": "score", "time_input": "reversed_timestep", "time_scale": 99, "value_range": [0, 1],
         "schedule": {"type": "ve_geometric", "sigma_min": 0.01, "sigma_max": 50}}
CASES = {
    "residual": (SMALL, VE, 2000, 378, [0.05, 20.0], "averages"),
    "skips": (dict(SMALL, ch_mult=[1, 1, 2], attn_resolutions=[16, 4], num_res_blocks=2, progressive_input="input_skip",
                   progressive="output_skip", centered=True), dict(VE, value_range=[-1, 1]), 20, 378, [0.3, 90.0], "plain"),
    "ddpmpp": (dict(SMALL, embedding_type="positional", fir=False, skip_rescale=False, progressive_input="none",
                    scale_by_sigma=False, centered=True), VP, 1000, 50, [3.0, 700.0], "model"),
    "ve_steps": (dict(SMALL, embedding_type="positional"), STEPS, 100, 50, [7.0, 93.0], "plain"),
}


class Bare(torch.nn.Module):
    """Remembers what it is given, in the place of the layer that mixes the channels."""

    def forward(self, h):
        self.seen = h
        return h[:, :2]


def main():
    for seed, (name, (options, card, num_scales, sigma_max, times, saved)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(exist_ok=True)
        net = NCSNpp(**options, fourier_scale=1, nonlinearity="swish", resblock_type="biggan", progressive_combine="sum").eval()
        net.output_layer = Bare()
        net.register_buffer("sigmas", torch.tensor(np.exp(np.linspace(np.log(sigma_max), np.log(0.01), num_scales))))
        for key, p in net.named_parameters():
            scale = p[0].numel() ** -0.5 if p.dim() > 1 else 0.3
            p.data = scale * torch.randn_like(p) + (1 if "GroupNorm" in key and key.endswith("weight") else 0)

        x = torch.randn(2, 4, 16, 16, requires_grad=True)
        t = torch.tensor(times)
        net(torch.complex(x[:, 0::2], x[:, 1::2]), t)
        out = net.output_layer.seen.float()
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
        save_file({key: value.contiguous() for key, value in record.items()}, folder / "golden.safetensors")

        state = net.state_dict()
        if saved == "plain":
            torch.save(state, folder / "checkpoint.pth")
        else:  # the weights that training left last are other ones; the averages are a list without names
            averages = [p.detach().clone() for p in net.parameters() if p.requires_grad]
            last = {f"module.{key}": value + 0.1 * (key.endswith(("weight", "bias", ".b")) or "NIN" in key)
                    for key, value in state.items()}
            optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))], lr=2e-4)
            whole = {"optimizer": optimizer.state_dict(), "model": last, "step": 7,
                     "ema": {"decay": 0.999, "num_updates": 7, "shadow_params": averages}}
            if saved == "model":
                whole["model"] = {f"module.{key}": value for key, value in state.items()}
            torch.save(whole, folder / "checkpoint.pth")
        card = dict(card, architecture=dict(options, type="ncsnpp", num_channels=4, num_scales=num_scales),
                    weights="checkpoint.pth")
        if saved != "plain":
            card["weights_prefix"] = "module."
            card["weights_key"] = ["ema", "shadow_params"] if saved == "averages" else "model"
        (folder / "prior.yaml").write_text(yaml.safe_dump(card, default_flow_style=None))
        print(name, sum(value.numel() for value in state.values()), "numbers", out.abs().max().item())


if __name__ == "__main__":
    main()
