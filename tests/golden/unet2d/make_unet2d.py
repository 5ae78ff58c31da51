#!/usr/bin/env python3
"""Makes the records against which our UNet2D is checked: small random UNet2DModel networks of the real diffusers.

Provenance: diffusers 0.42, torch 2.11, safetensors (CPU, float32). Regenerate the committed folders with

    python tests/golden/unet2d/make_unet2d.py tests/golden/unet2d

and make the large ones (the shapes of google/ddpm-cifar10-32 and google/ddpm-celebahq-256, random weights) with

    python tests/golden/unet2d/make_unet2d.py --large FOLDER

Each case is a folder with a diffusers model and golden.safetensors: x [B,C,H,W], t [B], out = net(x, t), v, and
vjp = d<out, v>/dx. Times are fractional on purpose. Weights are drawn anew for every parameter, because diffusers'
initialisation leaves norms at 1 and 0, which would hide a swap of weight and bias.
"""
import json
import math
import pathlib
import sys

import torch
from diffusers import DDIMScheduler, DDPMScheduler, ScoreSdeVeScheduler, UNet2DModel
from safetensors.torch import save_file

WEIGHTS = "diffusion_pytorch_model.safetensors"
DOWN, ATTN_DOWN, UP, ATTN_UP = "DownBlock2D", "AttnDownBlock2D", "UpBlock2D", "AttnUpBlock2D"
SKIP_DOWN, ATTN_SKIP_DOWN = "SkipDownBlock2D", "AttnSkipDownBlock2D"
SKIP_UP, ATTN_SKIP_UP = "SkipUpBlock2D", "AttnSkipUpBlock2D"
SMALL = dict(sample_size=16, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, attention_head_dim=4,
             down_block_types=(DOWN, DOWN), up_block_types=(UP, UP), in_channels=1, out_channels=1)

# As the published NCSN++ files have it, but for the sizes.
NCSNPP = dict(SMALL, in_channels=3, out_channels=3, time_embedding_type="fourier", norm_num_groups=None, norm_eps=1e-6,
              attention_head_dim=None, mid_block_scale_factor=math.sqrt(2), block_out_channels=(4, 32, 32),
              sample_size=8, down_block_types=(SKIP_DOWN, SKIP_DOWN, ATTN_SKIP_DOWN),
              up_block_types=(ATTN_SKIP_UP, SKIP_UP, SKIP_UP))

# name -> (what differs from SMALL, how the files are laid out)
CASES = {
    "plain_gray": (dict(add_attention=False), {}),
    "attention_rgb": (dict(in_channels=3, out_channels=3, down_block_types=(DOWN, ATTN_DOWN),
                           up_block_types=(ATTN_UP, UP), attention_head_dim=2, norm_num_groups=4), {}),
    "one_head_padding0": (dict(in_channels=4, out_channels=4, downsample_padding=0, attention_head_dim=None,
                               flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6, down_block_types=(ATTN_DOWN, DOWN),
                               up_block_types=(UP, ATTN_UP)), dict(layout="flat", old_names=True)),
    "fourier_scale_shift": (dict(time_embedding_type="fourier", resnet_time_scale_shift="scale_shift",
                                 mid_block_scale_factor=math.sqrt(2), act_fn="gelu"), {}),
    "resnet_sampling": (dict(down_block_types=(ATTN_DOWN, DOWN), up_block_types=(UP, ATTN_UP), downsample_type="resnet",
                             upsample_type="resnet", center_input_sample=True, norm_num_groups=1, act_fn="mish"),
                        dict(scheduler=DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                                                     prediction_type="v_prediction"))),
    "resnet_blocks": (dict(down_block_types=("ResnetDownsampleBlock2D", DOWN), layers_per_block=2,
                           up_block_types=(UP, "ResnetUpsampleBlock2D"), act_fn="relu"),
                      dict(scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="sample"))),
    "scale_shift_attn_norm": (dict(resnet_time_scale_shift="scale_shift", attn_norm_num_groups=8, time_embedding_dim=20,
                                   attention_head_dim=3), {}),
    "no_mid_block_half": (dict(mid_block_type=None, in_channels=3, out_channels=3, dropout=0.3),
                          dict(dtype=torch.float16)),
    "three_levels_bf16": (dict(block_out_channels=(4, 4, 8), down_block_types=(DOWN, ATTN_DOWN, DOWN),
                               up_block_types=(UP, ATTN_UP, UP)), dict(dtype=torch.bfloat16, shards=3)),
    "odd_channels": (dict(block_out_channels=(9, 6), norm_num_groups=3, attention_head_dim=4), dict(conv_names=True)),
    "skip_ncsnpp": (NCSNPP, dict(dtype=torch.float16, scheduler=ScoreSdeVeScheduler(sigma_max=348.0, snr=0.075),
                                 index="ScoreSdeVePipeline")),
    "skip_attention_finest": (dict(NCSNPP, block_out_channels=(32, 32), layers_per_block=1, center_input_sample=True,
                                   down_block_types=(ATTN_SKIP_DOWN, SKIP_DOWN), time_embedding_type="positional",
                                   up_block_types=(SKIP_UP, ATTN_SKIP_UP), resnet_time_scale_shift="scale_shift",
                                   attention_head_dim=8, mid_block_type=None), dict(dtype=torch.float16)),
    "skip_down_only": (dict(in_channels=3, out_channels=3, sample_size=8, block_out_channels=(4, 8, 8),
                            down_block_types=(SKIP_DOWN,) * 3, up_block_types=(UP,) * 3, norm_num_groups=4), {}),
    "class_labels": (dict(num_class_embeds=5), dict(layout="flat")),
}
CLASS = 3

CIFAR10 = dict(act_fn="silu", attention_head_dim=None, block_out_channels=(128, 256, 256, 256), in_channels=3,
               down_block_types=(DOWN, ATTN_DOWN, DOWN, DOWN), up_block_types=(UP, UP, ATTN_UP, UP), out_channels=3,
               downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, layers_per_block=2, norm_eps=1e-6,
               norm_num_groups=32, sample_size=32)
CELEBAHQ = dict(CIFAR10, block_out_channels=(128, 128, 256, 256, 512, 512), sample_size=256,
                down_block_types=(DOWN, DOWN, DOWN, DOWN, ATTN_DOWN, DOWN),
                up_block_types=(UP, ATTN_UP, UP, UP, UP, UP))
LARGE = {"ddpm_cifar10_32": (CIFAR10, dict(layout="flat")), "ddpm_celebahq_256": (CELEBAHQ, dict(old_names=True))}


def old_names(weights, as_convolutions):
    """The attention names of diffusers before 0.12; as 1x1 convolutions in still older files."""
    renamed = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    result = {}
    for name, value in weights.items():
        for now, before in renamed.items():
            if now in name:
                name = name.replace(now, before)
                if as_convolutions and value.dim() == 2:
                    value = value[:, :, None, None].contiguous()
        result[name] = value
    return result


def write_weights(folder, weights, shards):
    if shards == 1:
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        return
    names, index = sorted(weights), {}
    for i in range(shards):
        file = f"diffusion_pytorch_model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: weights[name] for name in names[i::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        index.update(dict.fromkeys(part, file))
    size = sum(w.numel() * w.element_size() for w in weights.values())
    text = json.dumps({"metadata": {"total_size": size}, "weight_map": index}, indent=1, sort_keys=True)
    (folder / (WEIGHTS + ".index.json")).write_text(text + "\n")


def make(folder, seed, config, layout="pipeline", dtype=torch.float32, shards=1, old=False, conv=False, scheduler=None,
         batch=2, index=None):
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    net = UNet2DModel(**config).eval().requires_grad_(False)
    for name, p in net.named_parameters():
        fan_in = p[0].numel() if p.dim() > 1 else 1
        noise = normal(p.shape) / math.sqrt(fan_in) if p.dim() > 1 else 0.2 * normal(p.shape)
        p.copy_(noise + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
        p.copy_(p.to(dtype))  # what a reader of the stored weights computes with
    side = config["sample_size"]
    x = normal(batch, config["in_channels"], side, side).requires_grad_(True)
    t = torch.tensor([0.7, 431.25][:batch]) if batch > 1 else torch.tensor([431.25])
    if config.get("time_embedding_type") == "fourier":
        t = torch.tensor([0.7, 13.5][:batch])
    labels = torch.full((batch,), CLASS) if "num_class_embeds" in config else None
    out = net(x, t, class_labels=labels).sample
    v = normal(*out.shape)
    (vjp,) = torch.autograd.grad((out * v).sum(), x)

    target = folder if layout == "flat" else folder / "unet"
    target.mkdir(parents=True, exist_ok=True)
    net.save_config(target)
    weights = {name: value.to(dtype).contiguous() for name, value in net.state_dict().items()}
    write_weights(target, old_names(weights, conv) if old or conv else weights, shards)
    (scheduler or DDPMScheduler()).save_pretrained(folder if layout == "flat" else folder / "scheduler")
    if labels is not None:
        (folder / "prior.yaml").write_text(f"class: {CLASS}\n")
    if index:  # of the pipeline's files, what says which images its network knows
        (folder / "model_index.json").write_text(json.dumps({"_class_name": index}) + "\n")
    record = {"x": x.detach(), "t": t, "out": out.detach(), "v": v, "vjp": vjp}
    save_file({name: value.contiguous() for name, value in record.items()}, folder / "golden.safetensors")
    print(f"{folder.name}: {sum(p.numel() for p in net.parameters())} parameters, |out| <= {out.abs().max():.3g}")


def main():
    large = sys.argv[1] == "--large"
    root = pathlib.Path(sys.argv[-1])
    for seed, (name, (config, files)) in enumerate((LARGE if large else CASES).items()):
        files = dict(files)
        files["old"], files["conv"] = files.pop("old_names", False), files.pop("conv_names", False)
        make(root / name, seed, config if large else {**SMALL, **config}, batch=1 if large else 2, **files)


if __name__ == "__main__":
    main()
