#!/usr/bin/env python3
"""Makes the pictures of this folder from the originals that PyPI's scikit-image and nilearn ship; see README.md.

Run: python data/samples/make_samples.py (needs numpy, Pillow, scikit-image 0.26, nilearn 0.14, nibabel). Reproduces the
committed files byte for byte with these versions. `make_samples.py --simulated` makes the simulated ones only (numpy,
scipy, Pillow), `--cells FILE.h5` and `--ct FILE.h5` the cells and the CT slice from the project's validation sets,
`--head ch2.nii.gz` the head from a file of Debian's package mricron-data, `--head ch2.nii.gz OUT.nii.gz 64` one of 64
slices. recon itself never runs this.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
SIZE = 128


def area_downscaled(image):
    """A square float image, averaged over equal areas, rounded to 8 bits."""
    small = Image.fromarray(image.astype(np.float32), mode="F").resize((SIZE, SIZE), Image.Resampling.BOX)
    return Image.fromarray(np.clip(np.rint(np.asarray(small)), 0, 255).astype(np.uint8))


def photograph():
    import skimage
    path = pathlib.Path(skimage.__file__).parent / "data" / "camera.png"
    return area_downscaled(np.asarray(Image.open(path), dtype=np.float64))


def portrait():
    import skimage
    path = pathlib.Path(skimage.__file__).parent / "data" / "astronaut.png"
    channels = np.moveaxis(np.asarray(Image.open(path), dtype=np.float64), 2, 0)
    return Image.merge("RGB", [area_downscaled(channel) for channel in channels])


def brain_slice():
    """Axial slice through the ventricles, anterior up, padded to a square; the largest value of the slice is 255."""
    import nibabel
    import nilearn
    name = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    volume = nibabel.load(pathlib.Path(nilearn.__file__).parent / "datasets" / "data" / name)
    index = round(float((np.linalg.inv(volume.affine) @ [0, 0, 14, 1])[2]))  # z = 14 mm
    plane = np.rot90(np.asarray(volume.dataobj[:, :, index], dtype=np.float64))
    side = max(plane.shape)
    top, left = (side - plane.shape[0]) // 2, (side - plane.shape[1]) // 2
    square = np.zeros((side, side))
    square[top:top + plane.shape[0], left:left + plane.shape[1]] = plane
    return area_downscaled(square * (255 / square.max()))


def area_average(before, after):
    """The matrix that averages `before` samples over `after` equal parts."""
    edges = np.linspace(0, before, after + 1)
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(before)[None, :]
    return np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0, None) * (after / before)


def head_volume(file, path, slices=32):
    """So many axial slices around the ventricles, 128 x 128, as far apart as their pixels (1.7 mm), anterior up; 8 bits."""
    import nibabel
    stored = nibabel.load(file)  # 181 x 217 x 181, 1 mm
    head = np.transpose(np.asarray(stored.dataobj, dtype=np.float64), (2, 1, 0))[:, ::-1]  # z, anterior up, x
    side = max(head.shape)
    cube = np.pad(head, [((side - n) // 2, side - n - (side - n) // 2) for n in head.shape])
    mean = area_average(side, SIZE)
    volume = np.einsum("dz,ay,bx,zyx->dab", mean, mean, mean, cube, optimize=True)
    levels = np.clip(np.rint(volume * (255 / np.percentile(volume, 99.95))), 0, 255).astype(np.uint8)
    first = 66 - slices // 2
    millimetres = side / SIZE
    shown = np.transpose(levels[first:first + slices], (2, 1, 0))
    nibabel.save(nibabel.Nifti1Image(shown, np.diag([millimetres] * 3 + [1])), path)


def sixteen_bits(image):
    return Image.fromarray(np.clip(np.rint(image * 65535), 0, 65535).astype(np.uint16))


def cells(file):
    """Tile 55 of the validation set of fluorescence images (nuclei; Data Science Bowl 2018, CC0)."""
    import h5py
    return sixteen_bits(h5py.File(file)["images"][55] / 65535)


def ct_slice(file):
    """Slice 34 of the validation set of CT slices (CPTAC-PDA); full scale is twice the attenuation of water."""
    import h5py
    return sixteen_bits(np.minimum(h5py.File(file)["images"][34] / 2048, 1))  # the file holds HU + 1024


def pixel_averages(intensity, side, fine=9):
    """An intensity as a function of (x, y) in pixels from the middle, averaged over each of side x side pixels."""
    steps = (np.arange(side * fine) + 0.5) / fine - side / 2
    x, y = np.meshgrid(steps, steps)
    return intensity(x, y).reshape(side, fine, side, fine).mean((1, 3))


def bead():
    """A fluorescent bead as a microscope sees it: an Airy disk with its first dark ring at 3.4 px, a little defocus,
    and 20000 photons at the peak. The background is taken off."""
    from scipy.special import j1

    def airy(x, y):
        v = np.maximum(np.hypot(x, y), 1e-6) * 3.8317 / 3.4
        return (2 * j1(v) / v) ** 2 + 0.15 * np.exp(-(x**2 + y**2) / (2 * 3.0**2))

    image = pixel_averages(airy, 25)
    photons = np.random.default_rng(1).poisson(20000 * image / image.max())
    return sixteen_bits(photons / photons.max())


def star():
    """A star as a telescope sees it: a Moffat profile of 2.6 px full width, longer along one diagonal."""

    def moffat(x, y):
        u, v = (x + y) / np.sqrt(2) / 1.25, (x - y) / np.sqrt(2)
        return (1 + (u**2 + v**2) / 1.7**2) ** -2.5

    image = pixel_averages(moffat, 31)
    return sixteen_bits(image / image.max())


def sky():
    """A made-up field: 70 stars of one pixel, two galaxies with exponential profiles, no background."""
    rng = np.random.default_rng(2)
    image = np.zeros((SIZE, SIZE))
    for flux in np.minimum(0.05 * (1 - rng.random(70)) ** -0.9, 1):
        image[rng.integers(4, SIZE - 4), rng.integers(4, SIZE - 4)] += flux
    for x0, y0, scale, ratio, angle, peak in ((84, 40, 7.0, 0.45, 0.6, 0.55), (36, 88, 4.5, 0.8, 2.0, 0.35)):
        y, x = np.mgrid[:SIZE, :SIZE]
        u = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
        v = (-(x - x0) * np.sin(angle) + (y - y0) * np.cos(angle)) / ratio
        image += peak * np.exp(-np.hypot(u, v) / scale)
    return sixteen_bits(np.minimum(image, 1))


def blurred():
    """photograph.png blurred by a gaussian of 1.5 px, as on a torus, with noise of 2 % of full scale, 8 bits."""
    from scipy.ndimage import gaussian_filter
    image = np.asarray(Image.open(here / "photograph.png"), dtype=np.float64)
    noisy = gaussian_filter(image, 1.5, mode="wrap") + np.random.default_rng(3).normal(0, 0.02 * 255, image.shape)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--cells"]:
        cells(sys.argv[2]).save(here / "cells.png", optimize=True)
        sys.exit()
    if sys.argv[1:2] == ["--ct"]:
        ct_slice(sys.argv[2]).save(here / "ct.png", optimize=True)
        sys.exit()
    if sys.argv[1:2] == ["--head"]:
        out, slices = sys.argv[3:] or (here / "head_volume.nii.gz", 32)
        head_volume(sys.argv[2], out, int(slices))
        sys.exit()
    bead().save(here / "bead.png", optimize=True)
    star().save(here / "star.png", optimize=True)
    sky().save(here / "sky.png", optimize=True)
    blurred().save(here / "blurred.png", optimize=True)
    if sys.argv[1:2] != ["--simulated"]:
        photograph().save(here / "photograph.png", optimize=True)
        portrait().save(here / "portrait.png", optimize=True)
        brain_slice().save(here / "brain.png", optimize=True)
