#!/usr/bin/env python3
"""Makes the records against which our reading of MONAI's DiffusionModelUNet is checked.

Provenance: torch 2.11, MONAI 1.6.1 (Apache 2.0), safetensors. The networks are the package's own with random weights. The names of
MONAI Generative, whose files its `load_old_state_dict` reads, are made by turning that function's renaming round. Regenerate with

    python tests/golden/monai/make_monai.py tests/golden/monai

Each case is a folder with prior.yaml, a file of torch.save and golden.safetensors: x [B,C,H,W], t [B], out, v and
vjp = d<out, v>/dx. schedules.json has alpha_bar of MONAI's noise schedules, float32, at a few timesteps.
"""
import json
import pathlib
import sys

import torch
import yaml
from monai.networks.nets import DiffusionModelUNet
from monai.networks.schedulers import DDPMScheduler
from safetensors.torch import save_file

SMALL = dict(spatial_dims=2, in_channels=1, out_channels=1, num_res_blocks=[1, 1, 1], channels=[4, 8, 8],
             attention_levels=[False, True, False], norm_num_groups=2, num_head_channels=[0, 4, 4])
CASES = {
    "plain": (SMALL, "monai"),
    "updown_classes": (dict(SMALL, in_channels=2, out_channels=4, num_res_blocks=[2, 2], channels=[4, 6],
                            attention_levels=[True, True], num_head_channels=[2, 2], resblock_updown=True, num_class_embeds=5,
                            norm_eps=1e-3), "monai"),
    "generative": (SMALL, "generative"),
}
CLASS = 3
SCHEDULES = [dict(schedule="linear_beta"), dict(schedule="scaled_linear_beta", beta_start=0.0015, beta_end=0.0195),
             dict(schedule="sigmoid_beta"), dict(schedule="cosine")]


def old_name(name):
    for part in ("to_q", "to_k", "to_v"):
        name = name.replace(f".attn.{part}.", f".{part}.")
    return name.replace(".attn.out_proj.", ".proj_attn.").replace("postconv", "conv")


def main():
    root = pathlib.Path(sys.argv[1])
    for seed, (name, (options, layout)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        folder = root / name
        folder.mkdir(exist_ok=True)
        net = DiffusionModelUNet(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}).eval()
        norms = {id(p) for m in net.modules() if isinstance(m, torch.nn.GroupNorm) for p in [m.weight]}
        for p in net.parameters():
            p.data = (p[0].numel() ** -0.5 if p.dim() > 1 else 0.3) * torch.randn_like(p) + (id(p) in norms)
        x, t = torch.randn(2, options["in_channels"], 16, 24, requires_grad=True), torch.tensor([3, 800])
        labels = torch.full((2,), CLASS) if "num_class_embeds" in options else None
        out = net(x, t, class_labels=labels)
        v = torch.randn_like(out)
        vjp, = torch.autograd.grad(out, x, v)
        record = dict(x=x.detach(), t=t.float(), out=out.detach(), v=v, vjp=vjp)
        save_file({key: value.contiguous() for key, value in record.items()}, folder / "golden.safetensors")
        state = net.state_dict()
        if layout == "generative":
            state = {old_name(key): value for key, value in state.items()}
            DiffusionModelUNet(**options).load_old_state_dict(dict(state))  # MONAI reads it
        torch.save(state, folder / "model.pt")
        card = {"architecture": dict(options, type="diffusionmodelunet", layout=layout), "weights": "model.pt",
                "prediction": "epsilon", "schedule": "vp_linear", "value_range": [0, 1]}
        if labels is not None:
            card["class"] = CLASS
        (folder / "prior.yaml").write_text(yaml.safe_dump(card, default_flow_style=None))
        print(name, sum(p.numel() for p in net.parameters()), "parameters", out.abs().max().item())

    tables = []
    for options in SCHEDULES:
        alpha_bar = DDPMScheduler(num_train_timesteps=1000, **options).alphas_cumprod
        rows = [0, 1, 100, 500, 998, 999]
        tables.append(dict(options, t=rows, alpha_bar=[alpha_bar[i].item() for i in rows]))
    (root / "schedules.json").write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
