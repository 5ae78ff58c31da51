#!/usr/bin/env python3
"""Makes the pictures of this folder from the originals that PyPI's scikit-image and nilearn ship; see README.md.

Run: python data/samples/make_samples.py (needs numpy, Pillow, scikit-image 0.26, nilearn 0.14, nibabel). Reproduces the
committed files byte for byte with these versions. recon itself never runs this.
"""
import pathlib

import nibabel
import nilearn
import numpy as np
import skimage
from PIL import Image

here = pathlib.Path(__file__).parent
SIZE = 128


def area_downscaled(image):
    """A square float image, averaged over equal areas, rounded to 8 bits."""
    small = Image.fromarray(image.astype(np.float32), mode="F").resize((SIZE, SIZE), Image.Resampling.BOX)
    return Image.fromarray(np.clip(np.rint(np.asarray(small)), 0, 255).astype(np.uint8))


def photograph():
    path = pathlib.Path(skimage.__file__).parent / "data" / "camera.png"
    return area_downscaled(np.asarray(Image.open(path), dtype=np.float64))


def portrait():
    path = pathlib.Path(skimage.__file__).parent / "data" / "astronaut.png"
    channels = np.moveaxis(np.asarray(Image.open(path), dtype=np.float64), 2, 0)
    return Image.merge("RGB", [area_downscaled(channel) for channel in channels])


def brain_slice():
    """Axial slice through the ventricles, anterior up, padded to a square; the largest value of the slice is 255."""
    name = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    volume = nibabel.load(pathlib.Path(nilearn.__file__).parent / "datasets" / "data" / name)
    index = round(float((np.linalg.inv(volume.affine) @ [0, 0, 14, 1])[2]))  # z = 14 mm
    plane = np.rot90(np.asarray(volume.dataobj[:, :, index], dtype=np.float64))
    side = max(plane.shape)
    top, left = (side - plane.shape[0]) // 2, (side - plane.shape[1]) // 2
    square = np.zeros((side, side))
    square[top:top + plane.shape[0], left:left + plane.shape[1]] = plane
    return area_downscaled(square * (255 / square.max()))


if __name__ == "__main__":
    photograph().save(here / "photograph.png", optimize=True)
    portrait().save(here / "portrait.png", optimize=True)
    brain_slice().save(here / "brain.png", optimize=True)
