#!/usr/bin/env python3
"""Small files as nibabel, pydicom, numpy, scipy, h5py and tifffile write them, for the readers of these formats.

Run: python tests/golden/formats/make_containers.py (nibabel 5.4.2, pydicom 3.0.2, numpy 2.4.6, scipy 1.17.1, h5py 3.16,
hdf5storage 0.2.2, tifffile 2026.3.3). containers.json has the values as the same packages read them back.
"""
import json
import pathlib

import h5py
import hdf5storage
import nibabel
import numpy as np
import pydicom
import scipy.io
import scipy.sparse
import tifffile
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)
expected = {}


def values(array):
    array = np.asarray(array)
    parts = [array.real, array.imag] if np.iscomplexobj(array) else [array]
    return {"shape": array.shape, "parts": [np.asarray(part, dtype=np.float64).ravel().tolist() for part in parts]}


# NIfTI. Expected: [slices, y, x] as nibabel reads them; arrays of nibabel are [x, y, z].
def keep_nifti(name, image):
    nibabel.save(image, here / name)
    back = nibabel.load(here / name)
    data = back.get_fdata() if not np.iscomplexobj(np.asanyarray(back.dataobj)) else np.asanyarray(back.dataobj)
    expected[name] = values(np.moveaxis(data.reshape(data.shape[:3] + (-1,)), (3, 2, 1, 0), (0, 1, 2, 3)))
    expected[name]["affine"] = back.affine.tolist()
    expected[name]["zooms"] = [float(zoom) for zoom in back.header.get_zooms()]


turn = np.array([[0.9, -0.3, 0.1, -40], [0.2, 0.7, -0.2, 12.5], [-0.1, 0.25, 3.1, 7], [0, 0, 0, 1]])
small = rng.integers(-900, 900, (5, 4, 3))
scaled = nibabel.Nifti1Image(small.astype(np.int16), turn)
scaled.header.set_slope_inter(0.5, 10)
scaled.header.set_xyzt_units("mm", "sec")
keep_nifti("slope.nii.gz", scaled)
big = nibabel.Nifti1Image(small.astype(np.float32) / 7, turn, nibabel.Nifti1Header(endianness=">"))
keep_nifti("big.nii", big)
second = nibabel.Nifti2Image((small % 1000).astype(np.uint16), turn)
keep_nifti("second.nii", second)
keep_nifti("second_big.nii", nibabel.Nifti2Image(small.astype(np.int32), turn, nibabel.Nifti2Header(endianness=">")))
for kind in ("int8", "uint8", "uint32", "int64", "uint64", "float64", "complex64", "complex128"):
    numbers = np.abs(small) % 120 if kind[0] != "c" else small[..., ::-1] * 1j + small
    keep_nifti(f"{kind}.nii", nibabel.Nifti1Image(numbers.astype(kind), turn, dtype=kind))
frames = nibabel.Nifti1Image(rng.integers(0, 500, (5, 4, 3, 2)).astype(np.int16), None)
frames.set_qform(np.array([[0, -0.8, 0, 5], [1.2, 0, 0, -3], [0, 0, 2.5, 1], [0, 0, 0, 1]]), code=1)
frames.set_sform(None, code=0)
frames.header.set_zooms((1.2, 0.8, 2.5, 1.75))
frames.header.set_xyzt_units("mm", "sec")
keep_nifti("frames.nii.gz", frames)
colours = np.zeros((4, 3, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
nibabel.save(nibabel.Nifti1Image(colours, turn), here / "colours.nii")


# DICOM.
def dicom(name, pixels, *, syntax=ExplicitVRLittleEndian, modality="CT", bits=16, stored=None, **more):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    meta.TransferSyntaxUID = syntax
    data = FileDataset(name, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = "1.2.3.4.5"
    data.Modality = modality
    data.PatientName = "Nobody^Real"
    data.SeriesInstanceUID = "1.2.3.4"
    data.SeriesNumber = 2
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.BitsAllocated = bits
    data.BitsStored = stored or bits
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for key, value in more.items():
        setattr(data, key, value)
    little = syntax != ExplicitVRBigEndian
    raw = pixels.astype(pixels.dtype.newbyteorder("<" if little else ">")).tobytes()
    data.PixelData = raw + b"\0" * (len(raw) % 2)
    data["PixelData"].VR = "OW" if bits > 8 else "OB"
    pydicom.dcmwrite(here / name, data, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little,
                     enforce_file_format=True)
    return data


def keep_dicom(name, pixels, **how):
    dicom(name, pixels, **how)
    back = pydicom.dcmread(here / name)
    slope, intercept = float(back.get("RescaleSlope", 1)), float(back.get("RescaleIntercept", 0))
    array = back.pixel_array.astype(np.float64)
    if back.PhotometricInterpretation == "MONOCHROME1":
        array = 2.0**back.BitsStored - 1 - array
    expected[name] = values((array * slope + intercept).reshape((-1,) + array.shape[-2:]))


hounsfield = rng.integers(-1000, 1500, (6, 5)).astype(np.int16)
place = {"PixelSpacing": [0.7, 0.5], "SliceThickness": 2, "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
         "RescaleSlope": 1, "RescaleIntercept": -24}
for name, syntax in (("ct.dcm", ExplicitVRLittleEndian), ("ct_implicit.dcm", ImplicitVRLittleEndian),
                     ("ct_big.dcm", ExplicitVRBigEndian)):
    keep_dicom(name, hounsfield, syntax=syntax, ImagePositionPatient=[-10, 4, 30], **place)
twelve = rng.integers(0, 4096, (6, 5)).astype(np.uint16)
keep_dicom("mr.dcm", twelve, modality="MR", stored=12, RescaleSlope="1.5")
keep_dicom("white_is_low.dcm", rng.integers(0, 256, (5, 3)).astype(np.uint8), modality="DX", bits=8,
           PhotometricInterpretation="MONOCHROME1", ImagerPixelSpacing=[0.2, 0.2])
keep_dicom("counts32.dcm", rng.integers(0, 2**31, (3, 4)).astype(np.uint32), modality="NM", bits=32)
groups = Dataset()
measures, plane, rescale = Dataset(), Dataset(), Dataset()
measures.PixelSpacing, measures.SliceThickness = [0.9, 0.8], 3
plane.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
groups.PixelMeasuresSequence, groups.PlaneOrientationSequence = [measures], [plane]
per_frame = []
for i in range(3):
    frame, position, rescale = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [3.0 * i, -20, 60]
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = i + 1, -5, "US"
    frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [position], [rescale]
    per_frame.append(frame)
several = rng.integers(0, 4000, (3, 6, 5)).astype(np.uint16)
for name, syntax in (("frames.dcm", ExplicitVRLittleEndian), ("frames_implicit.dcm", ImplicitVRLittleEndian)):
    dicom(name, several, syntax=syntax, modality="MR", NumberOfFrames=3, SharedFunctionalGroupsSequence=[groups],
          PerFrameFunctionalGroupsSequence=per_frame)
    expected[name] = values(pydicom.dcmread(here / name).pixel_array * np.array([1.0, 2, 3])[:, None, None] - 5)
(here / "series").mkdir(exist_ok=True)
slices = rng.integers(-1000, 1000, (4, 6, 5)).astype(np.int16)
for i, at in enumerate((2, 0, 3, 1)):  # the names are in another order than the slices
    dicom(f"series/{'dbca'[i]}.dcm", slices[at], ImagePositionPatient=[-10, 4, 30 + 2.5 * at], InstanceNumber=9 - at, **place)
expected["series"] = values(slices - 24.0)
rgb = dicom("rgb.dcm", rng.integers(0, 255, (4, 3)).astype(np.uint8), bits=8)
rgb.SamplesPerPixel, rgb.PhotometricInterpretation, rgb.PlanarConfiguration = 3, "RGB", 0
rgb.PixelData = bytes(36)
pydicom.dcmwrite(here / "rgb.dcm", rgb, implicit_vr=False, little_endian=True, enforce_file_format=True)
packed = (here / "ct.dcm").read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
(here / "rle.dcm").write_bytes(packed)

# NumPy's archives and MATLAB's files.
image = rng.normal(0, 1, (6, 5))
stack = rng.integers(0, 60000, (6, 5, 3)).astype(np.uint16)  # MATLAB: [y, x, item]
np.savez(here / "arrays.npz", image=image, stack=np.moveaxis(stack, 2, 0), mask=image > 0)
np.savez_compressed(here / "packed.npz", image=image.astype(np.float32))
expected["arrays.npz"] = {"image": values(image), "stack": values(np.moveaxis(stack, 2, 0)), "mask": values(image > 0)}
expected["packed.npz"] = {"image": values(image.astype(np.float32))}
matlab = {"h": image, "z": (image[:3] + 1j * image[3:]).astype(np.complex64), "stack": stack, "mask": image > 0,
          "counts": np.arange(12, dtype=np.int16).reshape(3, 4) - 5, "whole": np.arange(6.0).reshape(2, 3), "one": 2.5}
others = {"name": "a text", "cells": np.array(["a", 1], dtype=object), "s": {"h": image}, "sparse": scipy.sparse.eye(3)}
scipy.io.savemat(here / "v5.mat", {**matlab, **others}, do_compression=False)
scipy.io.savemat(here / "v7.mat", {**others, **matlab}, do_compression=True)
scipy.io.savemat(here / "v4.mat", {"h": image}, format="4")
scipy.io.savemat(here / "kernel.mat", {"h": np.outer([1, 2, 1], [1, 3, 1]) / 20})
v73 = here / "v73.mat"
v73.unlink(missing_ok=True)
hdf5storage.savemat(str(v73), {**matlab, "name": "a text", "s": {"h": image}}, format="7.3", oned_as="row",
                    matlab_compatible=True)
for name in ("v5.mat", "v7.mat"):
    back = scipy.io.loadmat(here / name)
    expected[name] = {key: values(back[key]) for key in matlab}
expected["v73.mat"] = {key: values(np.atleast_2d(value)) for key, value in matlab.items()}

# Stacks of microscopes.
planes = rng.integers(0, 4096, (2, 3, 2, 6, 5)).astype(np.uint16)  # t, z, c, y, x
tifffile.imwrite(here / "stack.ome.tif", planes, photometric="minisblack",
                 metadata={"axes": "TZCYX", "PhysicalSizeX": 0.11, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.12,
                           "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 0.5, "PhysicalSizeZUnit": "µm",
                           "TimeIncrement": 3.5, "TimeIncrementUnit": "s", "SignificantBits": 12,
                           "Channel": {"Name": ["DAPI", "GFP & more"]}})
expected["stack.ome.tif"] = values(tifffile.imread(here / "stack.ome.tif").transpose(2, 0, 1, 3, 4))
signed = rng.integers(-3000, 3000, (3, 6, 5)).astype(np.int16)
tifffile.imwrite(here / "signed.ome.tif", signed, photometric="minisblack", metadata={"axes": "ZYX"})
expected["signed.ome.tif"] = values(signed)
tifffile.imwrite(here / "imagej.tif", planes, imagej=True, resolution=(10, 8),
                 metadata={"axes": "TZCYX", "spacing": 0.75, "unit": "um", "finterval": 2.0})
expected["imagej.tif"] = expected["stack.ome.tif"]
description = tifffile.TiffFile(here / "signed.ome.tif").pages[0].description
elsewhere = description.split("<TiffData")[0] + \
    '<TiffData IFD="0"><UUID FileName="other.ome.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>'
tifffile.imwrite(here / "elsewhere.ome.tif", signed, photometric="minisblack", description=elsewhere, metadata=None)


# A scan: a disc off the axis, whose line integrals are known, in counts of 4 a photon over an offset of 50.
def scan(name, *, axis_px, key, turn_deg, views, radians=False, entry="entry"):
    bins, rows, gain, photons, dark = 40, 2, 4.0, 2000, 50
    t = np.arange(bins) - (bins - 1) / 2 - axis_px
    angles = np.arange(views) * turn_deg / views
    middle = 5 * np.cos(np.deg2rad(angles)) + 3 * np.sin(np.deg2rad(angles))
    chord = 2 * np.sqrt(np.maximum(8.0**2 - (t[None] - middle[:, None])**2, 0))
    light = photons * (1 + 0.3 * np.sin(np.arange(bins) / 5))
    def frame(integral):
        lit = np.stack([rng.poisson(light * np.exp(-0.06 * (r + 1) * integral)) for r in range(rows)])
        return np.round(gain * lit + rng.normal(dark, 3, lit.shape))
    frames, keys, all_angles = [], [], []
    def add(integral, image_key, angle):
        frames.append(frame(integral)); keys.append(image_key); all_angles.append(angle)
    for _ in range(3):
        frames.append(np.round(rng.normal(dark, 3, (rows, bins)))); keys.append(2); all_angles.append(0)
    for _ in range(4):
        add(0 * t, 1, 0)
    for a, integral in zip(angles, chord):
        add(integral, 0, a)
    for _ in range(4):
        add(0 * t, 1, turn_deg)
    add(0 * t, 3, turn_deg)  # an invalid frame
    data = np.clip(np.stack(frames), 0, 65535).astype(np.uint16)
    data[:, 1, 7] = 0  # a dead pixel
    with h5py.File(here / name, "w") as file:
        root = file.create_group(entry)
        root.attrs["NX_class"] = "NXentry"
        root["definition"] = "NXtomo"
        detector = root.create_group("instrument/detector")
        detector.create_dataset("data", data=data, compression="gzip", chunks=(1, rows, bins))
        detector["image_key"] = np.array(keys, dtype=np.int32)
        for size in ("x_pixel_size", "y_pixel_size"):
            detector[size] = 0.05
            detector[size].attrs["units"] = "mm"
        if key is not None:
            detector["x_rotation_axis_pixel_position"] = float(key)
        angle = root.create_dataset("sample/rotation_angle", data=np.deg2rad(all_angles) if radians else all_angles)
        angle.attrs["units"] = "rad" if radians else "deg"
    return {"angles": angles.tolist(), "axis": axis_px, "gain": gain}


expected["scan.nxs"] = scan("scan.nxs", axis_px=1.5, key=1.5, turn_deg=180, views=48)
expected["scan_edge.nxs"] = scan("scan_edge.nxs", axis_px=-2, key=-2 + 19.5, turn_deg=360, views=36, radians=True,
                                 entry="entry1/tomo_entry")
expected["scan_silent.nxs"] = scan("scan_silent.nxs", axis_px=2.25, key=None, turn_deg=360, views=36)
(here / "containers.json").write_text(json.dumps(expected))
