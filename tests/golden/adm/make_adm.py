#!/usr/bin/env python3
"""Makes the records against which our AdmUNet and our reader of torch.save files are checked.

Provenance: torch 2.11, safetensors (CPU, float32). The network is written anew here from its definition (Dhariwal & Nichol
2021, section 3, appendix B, and the options and parameter names of guided-diffusion's UNetModel) as one function on a
dict of weights, so that it shares no structure with ours. Regenerate the committed folders with

    python tests/golden/adm/make_adm.py tests/golden/adm

and make those of the presets (94 and 553 million random weights; 2.6 GB) with

    python tests/golden/adm/make_adm.py --large FOLDER

A preset's weights and card alone, without safetensors, for who wants to know its speed:

    python tests/golden/adm/make_adm.py --weights imagenet_256 FOLDER

Each case is a folder with prior.yaml, a file of torch.save and golden.safetensors: x [B,C,H,W], t [B], out, v and
vjp = d<out, v>/dx. Times are fractional on purpose; every parameter is drawn, also those that training starts at 0.
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

DEFAULTS = dict(image_size=16, in_channels=3, num_channels=4, num_res_blocks=1, channel_mult=[1, 2], norm_groups=2,
                attention_resolutions=[8], num_heads=2, num_head_channels=-1, num_heads_upsample=-1,
                use_scale_shift_norm=True, resblock_updown=True, use_new_attention_order=False, conv_resample=True,
                learn_sigma=True)

# name -> (options that differ from DEFAULTS, how the weights are stored)
CASES = {
    "legacy_order": (dict(), {}),
    "new_order_conv": (dict(use_new_attention_order=True, num_head_channels=2, use_scale_shift_norm=False,
                            resblock_updown=False, learn_sigma=False, in_channels=1, attention_resolutions=[16, 8]),
                       dict(key=["ema", "model"], prefix="module.", dtype=torch.float16)),
    "pooled_three_levels": (dict(channel_mult=[0.5, 1, 2], resblock_updown=False, conv_resample=False,
                                 num_res_blocks=2, num_heads=4, num_heads_upsample=2, norm_groups=2, in_channels=1,
                                 attention_resolutions=[4]), dict(one_storage=True, dtype=torch.float16)),
    "class_labels": (dict(num_classes=5, in_channels=1, learn_sigma=False), dict(dtype=torch.float16)),
}
CLASS = 3
FFHQ = dict(image_size=256, num_channels=128, num_res_blocks=1, channel_mult=[1, 1, 2, 2, 4, 4], norm_groups=32,
            attention_resolutions=[16], num_heads=4, num_head_channels=64)
IMAGENET = dict(FFHQ, num_channels=256, num_res_blocks=2, attention_resolutions=[32, 16, 8])
LARGE = {"ffhq_256": FFHQ, "imagenet_256": IMAGENET}


class Weights:
    """Parameters by name, drawn when they are first asked for."""

    def __init__(self, seed):
        self.random, self.values = torch.Generator().manual_seed(seed), {}

    def __call__(self, name, *shape):
        if name not in self.values:
            fan = math.prod(shape[1:]) if len(shape) > 1 else 1
            value = torch.randn(shape, generator=self.random) / math.sqrt(fan)
            if len(shape) == 1:  # norms about 1, biases small
                value = 0.2 * value + (1.0 if name.endswith("weight") else 0.0)
            self.values[name] = value
        return self.values[name]


def adm(w, o, x, t):
    """The network: w are the Weights, o the options."""

    def conv(name, x, out, size, stride=1):
        weight = w(f"{name}.weight", out, x.shape[1], size, size)
        return F.conv2d(x, weight, w(f"{name}.bias", out), stride, size // 2)

    def norm(name, x):
        c = x.shape[1]
        return F.group_norm(x, o["norm_groups"], w(f"{name}.weight", c), w(f"{name}.bias", c), 1e-5)

    def linear(name, x, out):
        return F.linear(x, w(f"{name}.weight", out, x.shape[-1]), w(f"{name}.bias", out))

    def residual(name, x, emb, out, change=lambda x: x):
        h = conv(f"{name}.in_layers.2", change(F.silu(norm(f"{name}.in_layers.0", x))), out, 3)
        e = linear(f"{name}.emb_layers.1", F.silu(emb), 2 * out if o["use_scale_shift_norm"] else out)[..., None, None]
        if o["use_scale_shift_norm"]:
            scale, shift = e[:, :out], e[:, out:]
            h = norm(f"{name}.out_layers.0", h) * (1 + scale) + shift
        else:
            h = norm(f"{name}.out_layers.0", h + e)
        h = conv(f"{name}.out_layers.3", F.silu(h), out, 3)
        x = change(x)
        return h + (x if x.shape[1] == out else conv(f"{name}.skip_connection", x, out, 1))

    def attention(name, x, heads):
        if o["num_head_channels"] != -1:
            heads = x.shape[1] // o["num_head_channels"]
        b, c, n = x.shape[0], x.shape[1], x.shape[2] * x.shape[3]
        flat = norm(f"{name}.norm", x.reshape(b, c, n))
        qkv = F.conv1d(flat, w(f"{name}.qkv.weight", 3 * c, c, 1), w(f"{name}.qkv.bias", 3 * c))
        if o["use_new_attention_order"]:
            q, k, v = (part.reshape(b, heads, c // heads, n) for part in qkv.split(c, 1))
        else:
            q, k, v = qkv.reshape(b, heads, 3 * c // heads, n).split(c // heads, 2)
        weights = torch.softmax(torch.einsum("bhct,bhcs->bhts", q, k) / math.sqrt(c // heads), -1)
        a = torch.einsum("bhts,bhcs->bhct", weights, v).reshape(b, c, n)
        return x + F.conv1d(a, w(f"{name}.proj_out.weight", c, c, 1), w(f"{name}.proj_out.bias", c)).reshape(x.shape)

    halve, double = (lambda x: F.avg_pool2d(x, 2)), (lambda x: F.interpolate(x, scale_factor=2, mode="nearest"))
    base, mults = o["num_channels"], o["channel_mult"]
    reductions = [o["image_size"] // side for side in o["attention_resolutions"]]
    up_heads = o["num_heads"] if o["num_heads_upsample"] == -1 else o["num_heads_upsample"]

    rates = torch.exp(-math.log(10000) * torch.arange(base // 2) / (base // 2))
    angles = t[:, None] * rates[None]
    emb = linear("time_embed.0", torch.cat([torch.cos(angles), torch.sin(angles)], 1), 4 * base)
    emb = linear("time_embed.2", F.silu(emb), 4 * base)
    if "num_classes" in o:
        emb = emb + w("label_emb.weight", o["num_classes"], 4 * base)[CLASS]

    h = conv("input_blocks.0.0", x, int(mults[0] * base), 3)
    skips, block = [h], 1
    for level, mult in enumerate(mults):
        for _ in range(o["num_res_blocks"]):
            h = residual(f"input_blocks.{block}.0", h, emb, int(mult * base))
            if 2 ** level in reductions:
                h = attention(f"input_blocks.{block}.1", h, o["num_heads"])
            skips.append(h)
            block += 1
        if level + 1 < len(mults):
            if o["resblock_updown"]:
                h = residual(f"input_blocks.{block}.0", h, emb, h.shape[1], halve)
            else:
                h = conv(f"input_blocks.{block}.0.op", h, h.shape[1], 3, 2) if o["conv_resample"] else halve(h)
            skips.append(h)
            block += 1
    h = residual("middle_block.0", h, emb, h.shape[1])
    h = attention("middle_block.1", h, o["num_heads"])
    h = residual("middle_block.2", h, emb, h.shape[1])
    block = 0
    for level, mult in reversed(list(enumerate(mults))):
        for i in range(o["num_res_blocks"] + 1):
            h = residual(f"output_blocks.{block}.0", torch.cat([h, skips.pop()], 1), emb, int(mult * base))
            part = 1
            if 2 ** level in reductions:
                h = attention(f"output_blocks.{block}.1", h, up_heads)
                part = 2
            if level > 0 and i == o["num_res_blocks"]:
                if o["resblock_updown"]:
                    h = residual(f"output_blocks.{block}.{part}", h, emb, h.shape[1], double)
                else:
                    h = double(h)
                    if o["conv_resample"]:
                        h = conv(f"output_blocks.{block}.{part}.conv", h, h.shape[1], 3)
            block += 1
    out = 2 * o["in_channels"] if o["learn_sigma"] else o["in_channels"]
    return conv("out.2", F.silu(norm("out.0", h)), out, 3)


def write_weights(path, values, key=(), prefix="", dtype=torch.float32, one_storage=False):
    state = {prefix + name: value.to(dtype) for name, value in values.items()}
    if one_storage:  # views of one storage, one of them transposed in memory
        all_of_it = torch.cat([value.reshape(-1) for value in state.values()])
        sizes = [value.numel() for value in state.values()]
        state = {name: part.view(state[name].shape) for name, part in zip(state, all_of_it.split(sizes))}
        state["time_embed.0.weight"] = state["time_embed.0.weight"].t().contiguous().t()
    for name in reversed(key):
        state = {"step": 1000, "note": ("a", [1.5, None, True]), name: state}
    torch.save(state, path)


def write_prior(folder, seed, options, storage, card, side):
    o = {**DEFAULTS, **options}
    folder.mkdir(parents=True, exist_ok=True)
    w = Weights(seed)
    with torch.no_grad():
        adm(w, o, torch.zeros(1, o["in_channels"], side, side), torch.zeros(1))  # draws the weights
    if storage.get("dtype") == torch.float16:
        w.values = {name: value.half().float() for name, value in w.values.items()}
    write_weights(folder / "model.pt", w.values, **storage)
    (folder / "prior.yaml").write_text(card)
    print(folder, sum(value.numel() for value in w.values.values()), "parameters")
    return w, o


def write_case(folder, seed, options, storage, card, side):
    from safetensors.torch import save_file
    w, o = write_prior(folder, seed, options, storage, card, side)
    random = torch.Generator().manual_seed(1000 + seed)
    draw = lambda *shape: torch.randn(shape, generator=random)
    x, t = draw(2, o["in_channels"], side, side), torch.tensor([10.25, 700.5])
    x.requires_grad_(True)
    out = adm(w, o, x, t)
    v = draw(*out.shape)
    vjp, = torch.autograd.grad(out, x, v)
    record = dict(x=x.detach(), t=t, out=out.detach(), v=v, vjp=vjp)
    save_file({name: value.contiguous() for name, value in record.items()}, folder / "golden.safetensors")


def yaml_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def card_of(options, storage):
    o = {**DEFAULTS, **options}
    lines = ["architecture:", "  type: adm"] + [f"  {key}: {yaml_of(value)}" for key, value in o.items()]
    lines += ["weights: model.pt", "prediction: epsilon", "schedule: vp_linear", "value_range: [-1, 1]"]
    if "num_classes" in o:
        lines.append(f"class: {CLASS}")
    if storage.get("key"):
        lines.append(f"weights_key: [{', '.join(storage['key'])}]")
    if storage.get("prefix"):
        lines.append(f"weights_prefix: {storage['prefix']}")
    return "\n".join(lines) + "\n"


def card_of_preset(name):
    return f"architecture: adm\npreset: {name}\nweights: model.pt\n"


def main():
    if sys.argv[1] == "--weights":
        write_prior(pathlib.Path(sys.argv[3]), 100, LARGE[sys.argv[2]], {}, card_of_preset(sys.argv[2]), 64)
        return
    if sys.argv[1] == "--large":
        for seed, (name, options) in enumerate(LARGE.items()):
            write_case(pathlib.Path(sys.argv[2]) / name, 100 + seed, options, {}, card_of_preset(name), 64)
        return
    for seed, (name, (options, storage)) in enumerate(CASES.items()):
        write_case(pathlib.Path(sys.argv[1]) / name, seed, options, storage, card_of(options, storage), 8)


if __name__ == "__main__":
    main()
