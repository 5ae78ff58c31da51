#!/usr/bin/env python3
"""Makes the records against which our reading of denoising-diffusion-pytorch is checked.

Provenance: torch 2.11, denoising-diffusion-pytorch 2.3.4 (MIT), ema-pytorch, safetensors. The networks are the package's own
`Unet` with random weights; one file is what its `Trainer.save` writes. Regenerate with

    python tests/golden/denoising_diffusion/make_denoising_diffusion.py tests/golden/denoising_diffusion

Each case is a folder with prior.yaml, a file of torch.save and golden.safetensors: x [B,C,H,W], t [B], out, v and
vjp = d<out, v>/dx. sigmoid.json has alpha_bar of the package's schedule `sigmoid`, float64, at a few timesteps.
"""
import json
import pathlib
import sys

import denoising_diffusion_pytorch as package
import torch
import yaml
from denoising_diffusion_pytorch.denoising_diffusion_pytorch import sigmoid_beta_schedule
from ema_pytorch import EMA
from safetensors.torch import save_file

CARD = {"prediction": "v", "schedule": "vp_sigmoid", "value_range": [-1, 1], "weights": "model-1.pt"}
TINY = dict(attn_dim_head=[4], attn_heads=[2])
CASES = {
    "trainer": (dict(TINY, dim=4, dim_mults=[1, 2, 4], channels=3), True),
    "options": (dict(attn_dim_head=[4, 6, 3], attn_heads=[1, 2, 3], dim=6, init_dim=5, dim_mults=[1, 2, 1], channels=1,
                     full_attn=[True, False, False], self_condition=True, learned_variance=True, sinusoidal_pos_emb_theta=500), False),
}
SIGMOIDS = [dict(timesteps=1000), dict(timesteps=50), dict(timesteps=1000, start=0, end=3, tau=0.3)]


def tuples(options):  # the package takes a number for all levels, or a tuple
    one = lambda value: value[0] if len(value) == 1 else tuple(value)
    return {key: one(value) if isinstance(value, list) else value for key, value in options.items()}


def main():
    root = pathlib.Path(sys.argv[1])
    for seed, (name, (options, trained)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        folder = root / name
        folder.mkdir(exist_ok=True)
        net = package.Unet(**tuples(options)).eval()
        for key, p in net.named_parameters():
            scale = p[0].numel() ** -0.5 if p.dim() > 1 and "mem_kv" not in key and not key.endswith(".g") else 0.5
            p.data = scale * torch.randn_like(p) + (1 if key.endswith(".g") else 0)
        x, t = torch.randn(2, options["channels"], 16, 24, requires_grad=True), torch.tensor([3, 800])
        out = net(x, t)
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        record = dict(x=x.detach(), t=t.float(), out=out.detach(), v=v, vjp=vjp)
        save_file({key: value.contiguous() for key, value in record.items()}, folder / "golden.safetensors")
        card = dict(CARD, architecture=dict(options, type="denoising_diffusion_unet"))
        if trained:
            diffusion = package.GaussianDiffusion(net, image_size=16)
            ema = EMA(diffusion, beta=0.995, update_every=10)
            optimizer = torch.optim.Adam(diffusion.parameters(), lr=1e-4)
            with torch.no_grad():  # what training left last is not what is averaged
                for p in diffusion.parameters():
                    p += 0.1
            torch.save({"step": 7, "model": diffusion.state_dict(), "opt": optimizer.state_dict(), "ema": ema.state_dict(),
                        "scaler": None, "version": "2.3.4"}, folder / "model-1.pt")
            card.update(weights_key="ema", weights_prefix="ema_model.model.")
        else:
            torch.save(net.state_dict(), folder / "model-1.pt")
        (folder / "prior.yaml").write_text(yaml.safe_dump(card, default_flow_style=None))
        print(name, sum(p.numel() for p in net.parameters()), "parameters", out.abs().max().item())

    tables = []
    for options in SIGMOIDS:
        n = options["timesteps"]
        alpha_bar = torch.cumprod(1 - sigmoid_beta_schedule(**options), 0)
        rows = sorted({0, 1, n // 10, n // 3, n // 2, 3 * n // 4, n - 2, n - 1})
        tables.append(dict(options, t=rows, alpha_bar=[alpha_bar[i].item() for i in rows]))
    (root / "sigmoid.json").write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
