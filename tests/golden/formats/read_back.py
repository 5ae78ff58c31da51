#!/usr/bin/env python3
"""Reads what recon wrote in a folder by the formats' own packages, and compares it with what went in.

Run by tests/commands/container_files_test.cpp with RECON_PYTHON (nibabel, pydicom, tifffile, scipy, numpy, h5py).
"""
import pathlib
import sys

import nibabel
import numpy as np
import pydicom
import tifffile

theirs, ours = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1])


def close(name, a, b, tolerance):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, (name, a.shape, b.shape)
    assert np.abs(a - b).max() <= tolerance * np.abs(b).max(), (name, np.abs(a - b).max(), np.abs(b).max())


def numbers(image):
    raw = np.asanyarray(image.dataobj)
    return raw if np.iscomplexobj(raw) else image.get_fdata()


for name in ("slope.nii.gz", "second_big.nii", "complex64.nii", "frames.nii.gz"):
    was, written = nibabel.load(theirs / name), nibabel.load(ours / f"of_{name}")
    close(name, numbers(written), numbers(was), 1e-3)
    close(name, written.affine, was.affine, 1e-6)
    close(name, written.header.get_zooms(), was.header.get_zooms(), 1e-6)
    assert written.header.get_xyzt_units()[0] == "mm"

slices = sorted((pydicom.dcmread(p) for p in (theirs / "series").iterdir()), key=lambda s: s.ImagePositionPatient[2])
series = nibabel.load(ours / "of_series.nii.gz")
hounsfield = np.stack([s.pixel_array * s.RescaleSlope + s.RescaleIntercept for s in slices])
close("series", series.get_fdata().transpose(2, 1, 0), hounsfield, 1e-3)
for k, s in enumerate(slices):  # where a pixel lies: DICOM's axes to NIfTI's
    row, column = np.array(s.ImageOrientationPatient[:3]), np.array(s.ImageOrientationPatient[3:])
    place = np.array(s.ImagePositionPatient) + 2 * row * s.PixelSpacing[1] + 3 * column * s.PixelSpacing[0]
    close("place", (series.affine @ [2, 3, k, 1])[:3], place * [-1, -1, 1], 1e-6)

with tifffile.TiffFile(ours / "of_stack.ome.tif") as stack:
    assert stack.is_ome
    close("stack", stack.asarray(), tifffile.imread(theirs / "stack.ome.tif")[:, :, 0].reshape(6, 6, 5) / 4095, 1e-3)
    assert 'PhysicalSizeX="0.11"' in stack.ome_metadata and 'PhysicalSizeZ="0.5"' in stack.ome_metadata, stack.ome_metadata
close("packed", np.load(ours / "of_packed.npy")[0, 0], np.load(theirs / "packed.npz")["image"], 1e-3)
disc = nibabel.load(ours / "of_scan.nii")
close("voxel", disc.header.get_zooms(), (0.05, 0.05, 0.05), 1e-6)
assert abs(np.median(disc.get_fdata()[21:29, 13:21, 0]) - 1.2) < 0.06
