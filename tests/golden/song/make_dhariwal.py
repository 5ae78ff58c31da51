#!/usr/bin/env python3
"""Makes the record against which the ADM of EDM (`DhariwalUNet`) is checked.

Provenance: torch 2.11, safetensors (CPU, float32). The network is written anew here from its definition (Dhariwal &
Nichol 2021, section 3; Karras et al. 2022, appendix F.3; the parameter names are those of EDM's DhariwalUNet) as one
function on a dict of weights. Regenerate the committed folders with

    python tests/golden/song/make_dhariwal.py tests/golden/song

The folders are as make_song.py writes them. Unlike EDM's, whose heads have 64 channels, these have 8, so that it is small.
"""
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

OPTIONS = dict(img_resolution=16, in_channels=3, model_channels=8, channel_mult=[2, 1, 4], channel_mult_emb=3,
               num_blocks=2, attn_resolutions=[8], augment_dim=9, channels_per_head=8)


def adm(w, o, x, t):
    """The network: w(name, *shape) gives a weight, o are the options."""

    def conv(name, x, out):
        size = 3 if name.split(".")[-1] in ("conv0", "conv1", "out_conv") or name.endswith("_conv") else 1
        return F.conv2d(x, w(f"{name}.weight", out, x.shape[1], size, size), w(f"{name}.bias", out), 1, size // 2)

    def norm(name, x):
        c = x.shape[1]
        return F.group_norm(x, min(32, c // 4), w(f"{name}.weight", c), w(f"{name}.bias", c), 1e-5)

    def linear(name, x, out):
        return F.linear(x, w(f"{name}.weight", out, x.shape[-1]), w(f"{name}.bias", out))

    def attend(name, x):
        b, c, height, width = x.shape
        heads = c // o["channels_per_head"]
        qkv = conv(f"{name}.qkv", norm(f"{name}.norm2", x), 3 * c).reshape(b, heads, c // heads, 3, height * width)
        q, k, v = qkv.unbind(3)
        weights = torch.softmax(torch.einsum("bhcq,bhck->bhqk", q, k) / (c / heads) ** 0.5, -1)
        return x + conv(f"{name}.proj", torch.einsum("bhqk,bhck->bhcq", weights, v).reshape(x.shape), c)

    def block(name, x, emb, out, change=None, attention=False):
        def changed(part, z):  # the filter [1, 1] is a mean, or a repetition
            if change is None:
                return z
            w.values[f"{name}.{part}.resample_filter"] = torch.full((1, 1, 2, 2), 0.25)
            return F.avg_pool2d(z, 2) if change == "down" else z.repeat_interleave(2, 2).repeat_interleave(2, 3)

        h = conv(f"{name}.conv0", changed("conv0", F.silu(norm(f"{name}.norm0", x))), out)
        scale, shift = linear(f"{name}.affine", emb, 2 * out)[..., None, None].chunk(2, 1)
        h = conv(f"{name}.conv1", F.silu(norm(f"{name}.norm1", h) * (1 + scale) + shift), out)
        straight = changed("skip", x)
        h = h + (conv(f"{name}.skip", straight, out) if x.shape[1] != out else straight)
        return attend(name, h) if attention else h

    base, levels = o["model_channels"], list(enumerate(o["channel_mult"]))
    angles = t[:, None] * 10000 ** (-torch.arange(base // 2) / (base // 2))
    emb = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
    emb = F.silu(linear("map_layer0", emb, base * o["channel_mult_emb"]))
    emb = linear("map_layer1", emb, base * o["channel_mult_emb"])
    if "label_dim" in o:
        emb = emb + label(o, w.chosen) @ w("map_label.weight", emb.shape[1], o["label_dim"]).T
    emb = F.silu(emb)
    if o["augment_dim"]:
        w("map_augment.weight", base, o["augment_dim"])

    side = lambda level: "{0}x{0}".format(o["img_resolution"] >> level)
    attends = lambda level: o["img_resolution"] >> level in o["attn_resolutions"]
    skips, h = [], x
    for level, mult in levels:
        if level == 0:
            h = conv(f"enc.{side(0)}_conv", x, base * mult)
        else:
            h = block(f"enc.{side(level)}_down", h, emb, h.shape[1], "down")
        skips.append(h)
        for i in range(o["num_blocks"]):
            h = block(f"enc.{side(level)}_block{i}", h, emb, base * mult, attention=attends(level))
            skips.append(h)
    for level, mult in reversed(levels):
        if level == len(levels) - 1:
            h = block(f"dec.{side(level)}_in0", h, emb, h.shape[1], attention=True)
            h = block(f"dec.{side(level)}_in1", h, emb, h.shape[1])
        else:
            h = block(f"dec.{side(level)}_up", h, emb, h.shape[1], "up")
        for i in range(o["num_blocks"] + 1):
            h = block(f"dec.{side(level)}_block{i}", torch.cat([h, skips.pop()], 1), emb, base * mult,
                      attention=attends(level))
    return conv("out_conv", F.silu(norm("out_norm", h)), o["in_channels"])


if __name__ == "__main__":
    from make_song import label, make

    make(pathlib.Path(sys.argv[1]) / "dhariwal", 60, adm, "dhariwalunet", OPTIONS)
    make(pathlib.Path(sys.argv[1]) / "dhariwal_class_labels", 61, adm, "dhariwalunet",
         dict(OPTIONS, label_dim=3, num_blocks=1, channel_mult=[1, 2], augment_dim=0), chosen=1)
