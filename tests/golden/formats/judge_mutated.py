#!/usr/bin/env python3
"""Whether the package of a format reads from mutated files what recon read from them.

Run by tests/data/mutated_files_test.cpp: judge_mutated.py FORMAT FOLDER, with FOLDER/NAME.ending and FOLDER/NAME.read,
recon's arrays as float64. Exit code 1 when one differs. What the package refuses or does not state is counted apart.
"""
import collections
import logging
import pathlib
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
logging.disable()


def of_recon(path):
    raw, at, arrays = path.read_bytes(), 0, []
    while at < len(raw):
        end = raw.index(b"\n", at)
        shape = [int(n) for n in raw[at:end].decode().strip("[]").split(",") if n.strip()]
        count = int(np.prod(shape)) if shape else 1
        arrays.append(np.frombuffer(raw, np.float64, count, end + 1).reshape(shape))
        at = end + 1 + 8 * count
    return arrays


def numbers(array):
    array = np.asarray(array)
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag], -1)
    return array.astype(np.float64)


def of_npy(path):
    return [numbers(np.load(path, allow_pickle=False))]


def of_fits(path):
    from astropy.io import fits
    with fits.open(path, memmap=False, lazy_load_hdus=False) as hdus:
        hdus.verify("exception")
        images = [hdu.data for hdu in hdus if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU))]
    return [numbers(image) for image in images if image is not None and image.size > 0]


def of_dicom(path):
    import pydicom
    data = pydicom.dcmread(path)
    pixels = data.pixel_array.astype(np.float64)
    frames = pixels.reshape((-1,) + pixels.shape[-2:])
    slope, intercept = [float(data.get("RescaleSlope", 1))] * len(frames), [float(data.get("RescaleIntercept", 0))] * len(frames)
    for i, group in enumerate(data.get("PerFrameFunctionalGroupsSequence", [])):
        for rescale in group.get("PixelValueTransformationSequence", []):
            slope[i], intercept[i] = float(rescale.RescaleSlope), float(rescale.RescaleIntercept)
    if data.PhotometricInterpretation == "MONOCHROME1":
        lowest = -2.0**(data.BitsStored - 1) if data.PixelRepresentation else 0.0
        frames = 2 * lowest + 2.0**data.BitsStored - 1 - frames
    return [frame * slope[i] + intercept[i] for i, frame in enumerate(frames)]


def of_tiff(path):
    import tifffile
    arrays = []
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            if int(page.subfiletype) & 5:
                continue
            if page.photometric.name not in ("MINISBLACK", "RGB") or page.tags.valueof("Orientation", default=1) != 1:
                return None
            samples = page.asarray()
            if page.samplesperpixel > 1 and page.planarconfig.name == "CONTIG":
                samples = np.moveaxis(samples, -1, 0)
            arrays.append(numbers(samples).reshape((page.samplesperpixel,) + page.shaped[-3:-1]))
    return arrays


def same(ours, theirs):
    if len(ours) != len(theirs):
        return f"{len(ours)} arrays against {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a.shape != b.shape:
            return f"array {i} is {a.shape} against {b.shape}"
        if not np.allclose(a, b, rtol=2e-6, atol=1e-300, equal_nan=True):
            where = np.argwhere(~np.isclose(a, b, rtol=2e-6, atol=1e-300, equal_nan=True))[0]
            return f"array {i} at {where.tolist()}: {a[tuple(where)]} against {b[tuple(where)]}"
    return ""


read, folder = globals()["of_" + sys.argv[1]], pathlib.Path(sys.argv[2])
counts, faults = collections.Counter(), []
for path in sorted(p for p in folder.iterdir() if p.suffix != ".read"):
    try:
        theirs = read(path)
    except Exception as error:
        counts[f"refused by the package ({type(error).__name__})"] += 1
        continue
    if theirs is None:
        counts["not judged"] += 1
        continue
    fault = same(of_recon(path.with_suffix(".read")), theirs)
    counts["otherwise" if fault else "alike"] += 1
    if fault:
        faults.append(f"{path.name}: {fault}")
print(f"{sys.argv[1]}: read with other numbers than the whole file has, {dict(counts)}")
print("\n".join(faults[:40]))
sys.exit(bool(faults))
