"""Does the anomaly map find what is foreign to the prior? Pastes a patch of one sample picture into the other, blurs the image or
leaves pixels out, reconstructs it with the prior of its kind, and scores the maps of the result file against the patch.

    python tests/benchmarks/anomaly_cases.py OUT_FOLDER [--count 4] [--samples 2] [--solver dps]     (numpy, pillow, h5py)

Prints for each case of two pictures and two operators the area under the ROC curve (1: every pixel of the patch has more than
every other pixel, 0.5: chance) of /anomaly, /std and /chi2_map, each averaged over blocks of 8 x 8 pixels; the mean of `--count`
places of the patch. Runs the program `recon` of the PATH.
"""

import argparse
import pathlib
import subprocess

import h5py
import numpy as np
from PIL import Image

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "data/samples"
PATCH, BLOCK = 24, 8
KINDS = {"brain": ("photograph", "brain_mri"), "photograph": ("brain", "natural_gray")}
OPERATORS = {"blur": "{type: blur, std_px: 1.5}", "missing": "{type: inpainting, missing_fraction: 0.7}"}


def auc(score, inside):
    """The share of pairs of a pixel inside and one outside in which the one inside has more; ties count half."""
    inner, outer = score[inside], np.sort(score[~inside])
    below = np.searchsorted(outer, inner, "left") + np.searchsorted(outer, inner, "right")
    return float(np.mean(below) / (2 * outer.size))


def blocks(image):
    mean = image.reshape(image.shape[0] // BLOCK, BLOCK, image.shape[1] // BLOCK, BLOCK).mean(axis=(1, 3))
    return mean.repeat(BLOCK, 0).repeat(BLOCK, 1)


def pasted(kind, folder, count):
    """Pictures with a patch of the other kind in their middle, where there is something to see, and where the patch lies."""
    rng = np.random.default_rng(0)
    own = np.asarray(Image.open(SAMPLES / f"{kind}.png").convert("L"))
    other = np.asarray(Image.open(SAMPLES / f"{KINDS[kind][0]}.png").convert("L"))
    folder.mkdir(parents=True, exist_ok=True)
    masks = []
    for k in range(count):
        top, left = rng.integers(32, own.shape[0] - 32 - PATCH, 2)
        row, column = rng.integers(32, other.shape[0] - 32 - PATCH, 2)
        image, mask = own.copy(), np.zeros(own.shape, bool)
        image[top : top + PATCH, left : left + PATCH] = other[row : row + PATCH, column : column + PATCH]
        mask[top : top + PATCH, left : left + PATCH] = True
        Image.fromarray(image).save(folder / f"{k}.png")
        masks.append(mask)
    return masks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--solver", default="dps")
    args = parser.parse_args()
    out = args.out.resolve()
    for kind, (_, prior) in KINDS.items():
        masks = pasted(kind, out / kind, args.count)
        for task, operator in OPERATORS.items():
            result, config = out / f"{kind}_{task}.h5", out / f"{kind}_{task}.yaml"
            config.write_text(
                f"input: {{simulate: {{images: {out / kind}, operator: {operator}, noise: {{std: 0.02}}}}}}\n"
                f"prior: {prior}\nsolver: {{type: {args.solver}}}\nsamples: {args.samples}\n"
                f"preview: {out}/{kind}_{task}.png\noutput: {result}\n"
            )
            subprocess.run(["recon", "run", config, "--force", "-q", "--threads", "1"], check=True, stdout=subprocess.DEVNULL)
            with h5py.File(result) as file:
                maps = {name: file[name][:].reshape(args.count, *masks[0].shape) for name in ("anomaly", "std", "chi2_map")}
            scores = {name: np.mean([auc(blocks(m), mask) for m, mask in zip(maps[name], masks)]) for name in maps}
            print(kind, task, *(f"{name} {score:.2f}" for name, score in scores.items()), flush=True)


if __name__ == "__main__":
    main()
