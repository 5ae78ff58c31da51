#!/usr/bin/env python3
"""Reads what recon wrote in a folder by the formats' own packages, and compares it with what went in.

Run by tests/commands/container_files_test.cpp with RECON_PYTHON (astropy, ismrmrd, nibabel, pydicom, tifffile,
scipy, numpy, h5py).
"""
import pathlib
import sys

import h5py
import nibabel
import numpy as np
import pydicom
import scipy.io
import tifffile
from astropy.io import fits

import write_mrd

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

close("fits", fits.getdata(ours / "of_image.fits").squeeze(), fits.getdata(theirs / "image.fits"), 1e-3)
close("npy", np.load(ours / "of_float32.npy").squeeze(), np.load(theirs / "float32.npy"), 1e-3)
close("mat", np.load(ours / "of_v5.npy").squeeze(), scipy.io.loadmat(theirs / "v5.mat")["h"], 1e-3)
with h5py.File(ours / "of_v73.h5") as result, h5py.File(theirs / "v73.mat") as mat:
    close("mat 7.3", result["reconstructions"][0, 0], mat["h"][()].T, 1e-3)

# The scan that ismrmrd wrote, imported with coil maps of its own data: the head, but for the gain of the maps.
with h5py.File(ours / "of_mrd.h5") as result:
    found = np.abs(result["reconstructions"][0, 0])  # rows lie along the readout
close("mrd as .nii", np.abs(numbers(nibabel.load(ours / "of_mrd.nii"))).squeeze().T, found, 1e-5)
root_sum_of_squares = write_mrd.head * np.sqrt((np.abs(write_mrd.maps)**2).sum(0))
error = min(np.linalg.norm(found * (truth * found).sum() / (found**2).sum() - truth) / np.linalg.norm(truth)
            for truth in (write_mrd.head.T, root_sum_of_squares.T))
assert error < 0.05, error
