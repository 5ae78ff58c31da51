#!/usr/bin/env python3
"""Makes the records against which our SongUNet is checked.

Provenance: torch 2.11, safetensors (CPU, float32). The network is written anew here from its definition (Song et al. 2021,
appendix H; Karras et al. 2022, appendix F; the parameter names are those of EDM's SongUNet) as one function on a dict of
weights, so that it shares no structure with ours. Regenerate the committed folders with

    python tests/golden/song/make_song.py tests/golden/song

Each case is a folder with prior.yaml, safetensors and golden.safetensors: x [B,C,H,W], t [B], out, v and
vjp = d<out, v>/dx; t is EDM's c_noise = ln(sigma)/4. Every parameter is drawn, also those that training starts at 0.
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

DDPMPP = dict(img_resolution=16, in_channels=3, model_channels=4, channel_mult=[1, 2], channel_mult_emb=2,
              channel_mult_noise=1, num_blocks=1, attn_resolutions=[8], embedding_type="positional",
              encoder_type="standard", resample_filter=[1, 1], augment_dim=0)
NCSNPP = dict(DDPMPP, in_channels=1, channel_mult_noise=2, embedding_type="fourier", encoder_type="residual",
              resample_filter=[1, 3, 3, 1], channel_mult=[1, 1, 2], attn_resolutions=[16, 4], num_blocks=2)
CLASSES = dict(DDPMPP, label_dim=3, in_channels=1)
CASES = {"ddpmpp": (DDPMPP, ""), "ncsnpp": (dict(NCSNPP, augment_dim=9), "model."), "class_labels": (CLASSES, "", 2),
         "no_class": (CLASSES, "", None)}


def label(o, chosen):
    """One-hot, or zeros where no class is chosen."""
    return torch.zeros(o["label_dim"]) if chosen is None else F.one_hot(torch.tensor(chosen), o["label_dim"]).float()


def song(w, o, x, t):
    """The network: w(name, *shape) gives a weight, o are the options."""
    taps = torch.tensor(o["resample_filter"], dtype=torch.float32)
    taps = torch.outer(taps, taps) / taps.sum() ** 2
    pad = (len(o["resample_filter"]) - 1) // 2

    def kernel(name, c):
        w.values[f"{name}.resample_filter"] = taps[None, None].clone()
        return taps.expand(c, 1, -1, -1)

    def halve(name, x):
        return F.conv2d(x, kernel(name, x.shape[1]), stride=2, padding=pad, groups=x.shape[1])

    def double(name, x):
        return F.conv_transpose2d(x, 4 * kernel(name, x.shape[1]), stride=2, padding=pad, groups=x.shape[1])

    def conv(name, x, out, size):
        return F.conv2d(x, w(f"{name}.weight", out, x.shape[1], size, size), w(f"{name}.bias", out), 1, size // 2)

    def norm(name, x):
        c = x.shape[1]
        return F.group_norm(x, min(32, c // 4), w(f"{name}.weight", c), w(f"{name}.bias", c), 1e-6)

    def linear(name, x, out):
        return F.linear(x, w(f"{name}.weight", out, x.shape[-1]), w(f"{name}.bias", out))

    def block(name, x, emb, out, change=None, attention=False):
        changed = (lambda part, z: change(f"{name}.{part}", z)) if change else (lambda part, z: z)
        h = conv(f"{name}.conv0", changed("conv0", F.silu(norm(f"{name}.norm0", x))), out, 3)
        h = F.silu(norm(f"{name}.norm1", h + linear(f"{name}.affine", emb, out)[..., None, None]))
        h = conv(f"{name}.conv1", h, out, 3)
        if change or x.shape[1] != out:
            x = conv(f"{name}.skip", changed("skip", x), out, 1)
        h = (h + x) / math.sqrt(2)
        if attention:
            b, c, height, width = h.shape
            qkv = conv(f"{name}.qkv", norm(f"{name}.norm2", h), 3 * c, 1).reshape(b, c, 3, height * width)
            q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
            weights = torch.softmax(torch.einsum("bcq,bck->bqk", q, k) / math.sqrt(c), -1)
            a = torch.einsum("bqk,bck->bcq", weights, v).reshape(h.shape)
            h = (h + conv(f"{name}.proj", a, c, 1)) / math.sqrt(2)
        return h

    base = o["model_channels"]
    features = base * o["channel_mult_noise"]
    if o["embedding_type"] == "fourier":
        angles = t[:, None] * 2 * math.pi * w("map_noise.freqs", features // 2)
    else:
        half = features // 2
        angles = t[:, None] * 10000 ** (-torch.arange(half) / max(half - 1, 1))
    emb = torch.cat([torch.sin(angles), torch.cos(angles)], 1)
    if "label_dim" in o:
        emb = emb + linear("map_label", label(o, w.chosen) * math.sqrt(o["label_dim"]), features)
    emb = F.silu(linear("map_layer0", emb, base * o["channel_mult_emb"]))
    emb = F.silu(linear("map_layer1", emb, base * o["channel_mult_emb"]))
    if o["augment_dim"]:
        w("map_augment.weight", features, o["augment_dim"])

    side = lambda level: "{0}x{0}".format(o["img_resolution"] >> level)
    attends = lambda level: o["img_resolution"] >> level in o["attn_resolutions"]
    h, image, skips = None, x, []
    for level, mult in enumerate(o["channel_mult"]):
        if level == 0:
            h = conv(f"enc.{side(0)}_conv", x, base, 3)
        else:
            h = block(f"enc.{side(level)}_down", h, emb, h.shape[1], halve)
            if o["encoder_type"] == "residual":
                name, out = f"enc.{side(level)}_aux_residual", h.shape[1]
                wide = F.conv2d(image, w(f"{name}.weight", out, image.shape[1], 3, 3), padding=1 + pad)
                wide = F.conv2d(wide, kernel(name, out), stride=2, groups=out) + w(f"{name}.bias", out)[:, None, None]
                h = image = (h + wide) / math.sqrt(2)
        skips.append(h)
        for i in range(o["num_blocks"]):
            h = block(f"enc.{side(level)}_block{i}", h, emb, base * mult, attention=attends(level))
            skips.append(h)
    for level, mult in reversed(list(enumerate(o["channel_mult"]))):
        if level == len(o["channel_mult"]) - 1:
            h = block(f"dec.{side(level)}_in0", h, emb, h.shape[1], attention=True)
            h = block(f"dec.{side(level)}_in1", h, emb, h.shape[1])
        else:
            h = block(f"dec.{side(level)}_up", h, emb, h.shape[1], double)
        for i in range(o["num_blocks"] + 1):
            h = block(f"dec.{side(level)}_block{i}", torch.cat([h, skips.pop()], 1), emb, base * mult,
                      attention=i == o["num_blocks"] and attends(level))
    return conv(f"dec.{side(0)}_aux_conv", F.silu(norm(f"dec.{side(0)}_aux_norm", h)), o["in_channels"], 3)


def make(folder, seed, net, kind, o, prefix="", chosen=None):
    """The folder of one network: its weights in half precision, its card, and the record."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "adm"))
    from make_adm import Weights

    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(1950 + seed)
    draw = lambda *shape: torch.randn(shape, generator=random)
    w = Weights(seed)
    w.chosen = chosen
    x, t = draw(2, o["in_channels"], 8, 8), torch.log(torch.tensor([0.3, 20.0])) / 4
    with torch.no_grad():
        net(w, o, x, t)
    w.values = {key: value.half().float() for key, value in w.values.items()}
    save_file({prefix + key: value.half().contiguous() for key, value in w.values.items()},
              folder / "model.safetensors")
    x.requires_grad_(True)
    out = net(w, o, x, t)
    v = draw(*out.shape)
    vjp, = torch.autograd.grad(out, x, v)
    record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
    save_file({key: value.contiguous() for key, value in record.items()}, folder / "golden.safetensors")
    lines = ["architecture:", f"  type: {kind}"] + [f"  {key}: {value}" for key, value in o.items()]
    lines += ["weights: model.safetensors", "prediction: edm", "schedule: edm_rho", "value_range: [-1, 1]"]
    if "label_dim" in o:
        lines.append(f"class: {'none' if chosen is None else chosen}")
    if prefix:
        lines.append(f"weights_prefix: {prefix}")
    (folder / "prior.yaml").write_text("\n".join(lines) + "\n")
    print(folder, sum(value.numel() for value in w.values.values()), "parameters")


if __name__ == "__main__":
    for seed, (name, (o, *more)) in enumerate(CASES.items()):
        make(pathlib.Path(sys.argv[1]) / name, 50 + seed, song, "songunet", o, *more)
