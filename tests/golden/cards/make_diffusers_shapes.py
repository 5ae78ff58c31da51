"""Golden of published diffusers models: their configs, how many parameters they have, and a hash of all names and shapes.

Run: python tests/golden/cards/make_diffusers_shapes.py > tests/golden/cards/diffusers_shapes.json
Provenance: diffusers 0.42.1, torch 2.11.0, on the meta device (no weights are made or fetched). The options are those of the
published config.json files: google/ddpm-cifar10-32, ddpm-celebahq-256, ncsnpp-celebahq-256, and DM4CT's train_pixel.py for
jiayangshi/{lodochallenge,lodoind,synchrotron}_pixel_diffusion. The hash is FNV-1a, 64 bits, of the sorted lines "NAME SHAPE\n".
"""
import json

import torch
from diffusers import UNet2DModel


def levels(side, attention, count, prefix=""):
    return [("Attn" if level == attention else "") + prefix + side + "Block2D" for level in range(count)]


wide = {"layers_per_block": 2, "block_out_channels": [128, 128, 256, 256, 512, 512]}
wide |= {"down_block_types": levels("Down", 4, 6), "up_block_types": levels("Up", 1, 6)}
google = {"in_channels": 3, "out_channels": 3, "freq_shift": 1, "flip_sin_to_cos": False, "downsample_padding": 0}
google |= {"attention_head_dim": None, "norm_eps": 1e-6}
models = {
    "dm4ct": {"sample_size": 512, "in_channels": 1, "out_channels": 1} | wide,
    "google/ddpm-cifar10-32": {"sample_size": 32, "layers_per_block": 2, "block_out_channels": [128, 256, 256, 256]}
    | {"down_block_types": levels("Down", 1, 4), "up_block_types": levels("Up", 2, 4)} | google,
    "google/ddpm-celebahq-256": {"sample_size": 256} | wide | google,
    "google/ncsnpp-celebahq-256": {"sample_size": 256, "in_channels": 3, "out_channels": 3, "layers_per_block": 2,
        "block_out_channels": [128, 128, 256, 256, 256, 256, 256], "down_block_types": levels("Down", 4, 7, "Skip"),
        "up_block_types": levels("Up", 2, 7, "Skip"), "time_embedding_type": "fourier", "freq_shift": 0,
        "mid_block_scale_factor": 2**0.5, "attention_head_dim": None, "norm_num_groups": None, "norm_eps": 1e-6},
}
result = {}
for name, options in models.items():
    with torch.device("meta"):
        net = UNet2DModel(**options)
    shapes = sorted(f"{key} {list(value.shape)}\n" for key, value in net.state_dict().items())
    fnv = 0xCBF29CE484222325
    for byte in "".join(shapes).encode():
        fnv = (fnv ^ byte) * 0x100000001B3 % 2**64
    count = sum(value.numel() for value in net.state_dict().values())
    result[name] = {"config": {"_class_name": "UNet2DModel"} | options, "parameters": count, "hash": f"{fnv:016x}"}
print(json.dumps(result, indent=1))
