"""A case like a public 8-coil brain scan, made of this project's own picture: BART arrays for `recon import` and `bart pics`.

    python brain_case.py OUT_FOLDER [--seed 0]     (numpy, pillow)

Writes full.cfl (180 x 230, 8 coils, noisy, fully sampled), k.cfl (12.7 % of it: a centre of 24 x 24 and samples whose density
falls off with the radius) and truth.cfl (the magnitude, as the coils' root of the sum of squares shows it). The coils lie around
the head, with phases of their own, an overall shading and unequal, correlated noise; the image has a smooth phase.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH, COILS, CENTRE, SHARE = 180, 230, 8, 24, 0.127


def write_cfl(path, array):
    """BART's axes: [H, W, 1, coils]; the first index is fastest."""
    dims = list(array.shape) + [1] * (16 - array.ndim)
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, dims)) + "\n")
    array.astype(np.complex64).ravel(order="F").tofile(path.with_suffix(".cfl"))


def fft2(x):
    axes = (0, 1)
    return np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(x, axes=axes), axes=axes, norm="ortho"), axes=axes)


def brain():
    picture = pathlib.Path(__file__).resolve().parents[2] / "data" / "samples" / "brain.png"
    inside = Image.open(picture).convert("L").resize((WIDTH - 60, HEIGHT - 10), Image.BICUBIC)
    image = np.zeros((HEIGHT, WIDTH))
    image[5 : HEIGHT - 5, 30 : WIDTH - 30] = np.asarray(inside, float) / 255
    return image


def coils(v, h):
    """Line currents around the head, 1 / (z - z_c), each with its own phase; nearer ones are louder (shading)."""
    angles = 2 * np.pi * np.arange(COILS) / COILS
    centres = 1.35 * np.exp(1j * angles) * (1 + 0.15 * np.cos(3 * angles))
    fields = 1 / ((h + 1j * v)[..., None] - centres)
    return fields * np.exp(1j * 1.7 * angles) / 2


def pattern(random):
    """Exactly SHARE of the samples: the centre, then others drawn with a density of 1 / (0.15 + radius)²."""
    ky, kz = np.meshgrid(np.arange(HEIGHT) - HEIGHT // 2, np.arange(WIDTH) - WIDTH // 2, indexing="ij")
    centre = (np.abs(ky) < CENTRE // 2) & (np.abs(kz) < CENTRE // 2)
    radius = np.hypot(ky / (HEIGHT / 2), kz / (WIDTH / 2))
    density = np.where(centre | (radius > 1.05), 0, (0.15 + radius) ** -2.0)
    wanted = round(SHARE * HEIGHT * WIDTH) - int(centre.sum())
    chosen = random.choice(HEIGHT * WIDTH, wanted, replace=False, p=(density / density.sum()).ravel())
    mask = centre.copy()
    mask.flat[chosen] = True
    return mask


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    v, h = np.meshgrid(np.linspace(-0.9, 0.9, HEIGHT), np.linspace(-1.1, 1.1, WIDTH), indexing="ij")
    phase = np.exp(1j * (0.9 * v - 0.6 * h + 0.8 * v * h))
    maps = coils(v, h)
    kspace = fft2(maps * (brain() * phase)[..., None])
    mixing = np.diag(random.uniform(0.6, 1.6, COILS)) + 0.15 * random.standard_normal((COILS, COILS))
    noise = random.standard_normal(kspace.shape) + 1j * random.standard_normal(kspace.shape)
    full = kspace + 0.006 * noise @ mixing.T
    truth = brain() * np.sqrt((np.abs(maps) ** 2).sum(-1))
    write_cfl(options.folder / "full", full[:, :, None, :])
    write_cfl(options.folder / "k", (full * pattern(random)[..., None])[:, :, None, :])
    write_cfl(options.folder / "truth", truth[:, :, None, None])


if __name__ == "__main__":
    main()
