#!/usr/bin/env python3
"""Writes network_shapes.json: names and shapes of the tensors of networks at the sizes that are published or taught.

Provenance: torch 2.11, denoising-diffusion-pytorch 2.3.4, MONAI 1.6.1, and sgmse 0.1.2 for the layers of score_sde, all from PyPI;
see the makers in denoising_diffusion/, monai/ and ncsnpp/. The networks of score_sde have four channels of the image, as there.
For each: the `architecture` of a card, the number of parameters, and the 64-bit FNV-1a hash of the lines "name [d0, d1, ...]" in
the order of names. Run: python tests/golden/cards/make_network_shapes.py
"""
import json
import pathlib

import torch
from denoising_diffusion_pytorch import Unet
from monai.networks.nets import DiffusionModelUNet
from sgmse.backbones.ncsnpp import NCSNpp

KNEE = dict(image_size=320, nf=128, ch_mult=[1, 2, 2, 2], num_res_blocks=4, attn_resolutions=[16], progressive="none",
            progressive_input="residual")
FACES = dict(image_size=256, nf=128, ch_mult=[1, 1, 2, 2, 2, 2, 2], num_res_blocks=2, attn_resolutions=[16],
             progressive="output_skip", progressive_input="input_skip")
CIFAR = dict(image_size=32, nf=128, ch_mult=[1, 2, 2, 2], num_res_blocks=8, attn_resolutions=[16], progressive="none",
             progressive_input="none", embedding_type="positional", fir=False)
# MONAI's tutorial of a 2-D diffusion model, and the defaults of the class
HAND = dict(in_channels=1, out_channels=1, channels=[128, 256, 256], attention_levels=[False, True, True], num_res_blocks=[1],
            num_head_channels=[256])
MONAI = dict(in_channels=1, out_channels=1)


def ncsnpp(options):
    net = NCSNpp(**options)
    state = {key: value for key, value in net.state_dict().items() if not key.startswith("output_layer.")}
    return dict(state, sigmas=torch.empty(2000)), dict(options, type="ncsnpp", num_channels=4)


def monai(options):
    plain = {key: value[0] if len(value) == 1 else tuple(value)
             for key, value in options.items() if isinstance(value, list)}
    net = DiffusionModelUNet(spatial_dims=2, **{**options, **plain})
    return net.state_dict(), dict(options, type="diffusionmodelunet")


def record(state, architecture):
    fnv = 0xCBF29CE484222325
    for name in sorted(state):
        for byte in f"{name} {list(state[name].shape)}\n".encode():
            fnv = ((fnv ^ byte) * 0x100000001B3) % 2**64
    return {"architecture": architecture, "parameters": sum(value.numel() for value in state.values()), "hash": f"{fnv:016x}"}


def main():
    nets = {"score_sde_knee_320": ncsnpp(KNEE), "score_sde_faces_256": ncsnpp(FACES), "score_sde_cifar10_vp": ncsnpp(CIFAR),
            "denoising_diffusion": (Unet(dim=64, dim_mults=(1, 2, 4, 8)).state_dict(),
                                    dict(type="denoising_diffusion_unet", dim=64)),
            "monai_tutorial": monai(HAND), "monai_defaults": monai(MONAI)}
    path = pathlib.Path(__file__).with_name("network_shapes.json")
    path.write_text(json.dumps({name: record(*net) for name, net in nets.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
