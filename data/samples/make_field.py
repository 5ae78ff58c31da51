#!/usr/bin/env python3
"""Makes field.h5, the images and kernels of configs/compare/field, from the project's image sets and nilearn's template.

Run: python data/samples/make_field.py SETS (the folder of natural_rgb_128_val.h5 and ct_gray_128_val.h5; needs numpy, scipy,
h5py, nibabel, nilearn 0.14). README.md beside it has sources and licences. recon itself never runs this.
"""
import pathlib
import sys

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter, zoom

here = pathlib.Path(__file__).parent
COUNT = 12
PHOTOGRAPHS = [12, 40, 57, 78, 81, 84, 86, 119, 129, 136, 145, 187]  # tiles whose licence asks nothing or a notice


def brains(rng):
    """Axial slices of the template from z = -30 to 58 mm, largest value 1, as receivers see them: times a shading that falls
    by a half or so across the head, and a phase that turns smoothly by some radians."""
    import nibabel
    import nilearn
    name = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    volume = nibabel.load(pathlib.Path(nilearn.__file__).parent / "datasets" / "data" / name)
    images = []
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    for z in np.linspace(-30, 58, COUNT):
        index = round(float((np.linalg.inv(volume.affine) @ [0, 0, z, 1])[2]))
        plane = np.rot90(np.asarray(volume.dataobj[:, :, index], dtype=np.float64))
        square = np.zeros((240, 240))
        top, left = (240 - plane.shape[0]) // 2, (240 - plane.shape[1]) // 2
        square[top:top + plane.shape[0], left:left + plane.shape[1]] = plane
        magnitude = zoom(gaussian_filter(square, 0.7), 128 / 240, order=1, grid_mode=True, mode="grid-constant")
        a, b, c, d, e, f = rng.normal(size=6)
        shading = np.exp(-((x - 0.5 * np.tanh(a)) ** 2 + (y - 0.5 * np.tanh(b)) ** 2) / 1.5)
        phase = 2 * c + 1.0 * d * x + 1.0 * e * y + 0.8 * f * (x**2 - y**2 + x * y)
        shaded = magnitude * shading
        images.append(shaded / shaded.max() * np.exp(1j * phase))
    return np.array(images).astype(np.complex64)


def skies(rng):
    """Fields of 96 x 96 pixels in counts: 40 stars of one pixel, of 60 to 60000 counts (as many of each magnitude), a galaxy
    with an exponential profile, no background."""
    images = np.zeros((COUNT, 96, 96))
    y, x = np.mgrid[:96, :96]
    for image in images:
        for flux in 60 * 1000 ** rng.random(40):
            image[rng.integers(4, 92), rng.integers(4, 92)] += flux
        x0, y0 = rng.uniform(24, 72, 2)
        angle, scale, ratio = rng.uniform(0, np.pi), rng.uniform(2.5, 6), rng.uniform(0.4, 1)
        u = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
        v = (-(x - x0) * np.sin(angle) + (y - y0) * np.cos(angle)) / ratio
        image += 2000 * np.exp(-np.hypot(u, v) / scale)
    return np.clip(np.rint(images), 0, 65535).astype(np.uint16)


def shakes(rng, count=4, side=21):
    """Kernels of a shaken camera: the path of a hand whose speed changes at random (an Ornstein-Uhlenbeck process), exposed
    evenly in time, softened by 0.5 px, inside 21 x 21 pixels; their sum is 1."""
    kernels = []
    for _ in range(count):
        speed, place, path = rng.normal(size=2), np.zeros(2), []
        for _ in range(400):
            speed = 0.96 * speed + 0.28 * rng.normal(size=2)
            place = place + 0.1 * speed
            path.append(place)
        path = np.array(path) - np.mean(path, 0)
        path *= min(1, (side / 2 - 2) / np.abs(path).max())
        kernel = np.zeros((side, side))
        for px, py in path + side // 2:
            i, j = int(np.floor(py)), int(np.floor(px))
            u, v = py - i, px - j
            kernel[i:i + 2, j:j + 2] += [[(1 - u) * (1 - v), (1 - u) * v], [u * (1 - v), u * v]]
        kernel = gaussian_filter(kernel, 0.5, mode="constant")
        kernels.append(kernel / kernel.sum())
    return np.array(kernels).astype(np.float32)


if __name__ == "__main__":
    sets = pathlib.Path(sys.argv[1])
    with h5py.File(sets / "natural_rgb_128_val.h5") as file:
        photographs = file["images"][PHOTOGRAPHS]
    with h5py.File(sets / "ct_gray_128_val.h5") as file:
        slices = file["images"][:]
        kind = file["kind"][:]
    whole = np.flatnonzero(kind == 0)
    slices = slices[whole[np.linspace(0, len(whole) - 1, COUNT).astype(int)]]
    with h5py.File(here / "field.h5", "w", track_order=True) as file:
        kernels = {f"shakes/{i}": kernel for i, kernel in enumerate(shakes(np.random.default_rng(3)))}
        for name, data in {"photographs": photographs, "brains": brains(np.random.default_rng(1)), "ct": slices,
                           "skies": skies(np.random.default_rng(2)), **kernels}.items():
            file.create_dataset(name, data=data, compression="gzip", compression_opts=9, shuffle=True, track_times=False)
