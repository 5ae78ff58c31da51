#!/usr/bin/env python3
"""Makes HDF5 files as others write them, for tests/data and tests/pipeline: fastMRI-like volumes and plain datasets.

Run: python tests/golden/external/make_external.py (numpy, h5py). Made with h5py 3.16.0 (HDF5 2.0.0), numpy 2, Python
3.11; each file's attribute `provenance` says so. libver is given where it matters: the oldest format, h5py's default
for years, has no checksums over its structure. Numbers follow the formulas here, which the tests repeat.
"""
import pathlib

import h5py
import numpy as np

here = pathlib.Path(__file__).parent


def create(name, libver):
    f = h5py.File(here / name, "w", libver=libver)
    f.attrs["provenance"] = f"make_external.py, h5py {h5py.__version__}, numpy {np.__version__}"
    return f


def ramp(shape, dtype):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def fft(x, axes):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(x, axes), axes=axes, norm="ortho"), axes)


def centre(x, height, width):
    top, left = x.shape[-2] // 2 - height // 2, x.shape[-1] // 2 - width // 2
    return x[..., top : top + height, left : left + width]


def fastmri():
    """Three slices of 16 x 11 complex pixels, cut to 8 x 6: fully sampled, and with every other column missing."""
    random = np.random.default_rng(1)
    image = (random.normal(size=(3, 16, 11)) + 1j * random.normal(size=(3, 16, 11))) * 1e-4
    kspace = fft(image, (1, 2)).astype(np.complex64)
    reconstruction = np.abs(centre(image, 8, 6)).astype(np.float32)
    mask = np.arange(11) % 2 == 1

    with create("fastmri_full.h5", "earliest") as f:
        f["kspace"] = kspace
        f["reconstruction_esc"] = reconstruction
        f["reconstruction_rss"] = reconstruction
        f["ismrmrd_header"] = "<ismrmrdHeader/>"
        f.attrs["acquisition"] = "CORPD_FBK"
        f.attrs["max"] = float(reconstruction.max())
        f.attrs["norm"] = float(np.linalg.norm(reconstruction))
    with create("fastmri_masked.h5", "earliest") as f:
        f["kspace"] = kspace * mask
        f["mask"] = mask
        f["reconstruction_rss"] = reconstruction
    with create("fastmri_multicoil.h5", "v108") as f:
        f["kspace"] = np.stack([kspace, 2 * kspace], axis=1)
        f["reconstruction_rss"] = reconstruction
    with create("fastmri_expected.h5", "v108") as f:
        f["full"] = fft(centre(image, 8, 6), (1, 2))
        cut = centre(np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(kspace * mask, 1), axis=1, norm="ortho"), 1), 8, 11)
        f["masked"] = fft(cut, (1,))


def images():
    with create("uint16.h5", "earliest") as f:
        f.create_dataset("scans/ct", data=ramp((4, 6, 5), "u2") * 500, chunks=(1, 6, 5), compression="gzip", shuffle=True)
        f["scans/voltage"] = np.full(4, 120.0)
    with create("float32.h5", "earliest") as f:
        f.create_dataset("images", data=np.repeat(ramp((3, 2, 1, 5), "f4"), 8, axis=2), chunks=(1, 1, 8, 5),
                         compression="lzf")
        f.create_dataset("shuffled", data=np.repeat(ramp((3, 2, 1, 5), "f4"), 8, axis=2), chunks=(2, 2, 3, 5),
                         compression="lzf", shuffle=True, fletcher32=True)
        f["signed"] = ramp((3, 8, 5), "i2") - 60
        f["channels_last"] = ramp((2, 8, 5, 3), "u1")


def complex_conventions():
    """0 - 0i, 1 - 0.5i, 2 - 1i, ... in every convention."""
    real = ramp((2, 4, 3), "f4")
    value = real - 0.5j * real
    with create("complex.h5", "v108") as f:
        f["h5py"] = value.astype(np.complex64)
        for name, parts in [("real_imag", ("real", "imag")), ("re_im", ("re", "im"))]:
            compound = np.empty(real.shape, dtype=[(parts[0], "f8"), (parts[1], "f8")])
            compound[parts[0]], compound[parts[1]] = value.real, value.imag
            f[name] = compound
        pairs = np.stack([value.real, value.imag], axis=-1).astype("f4")
        f.create_dataset("trailing", data=pairs, chunks=(1, 4, 3, 2), compression="gzip", compression_opts=9)
        f.create_dataset("leading", data=np.moveaxis(pairs, -1, 0), chunks=(2, 1, 4, 3), fletcher32=True)
        f["items_last"] = np.moveaxis(pairs, 0, 2)


def volumes():
    """Two volumes as a scanner's export might be: two slices of 96 x 64, every third column and the central ten."""
    from PIL import Image

    (here / "theirs").mkdir(exist_ok=True)
    picture = np.asarray(Image.open(here.parents[2] / "data/samples/brain.png").convert("L").resize((64, 64)), "f8") / 255
    random = np.random.default_rng(2)
    columns = np.arange(64)
    mask = (columns % 3 == 2) | (abs(columns - 32) <= 5)
    for number in (1, 2):
        slices = np.stack([picture * 1e-4, picture[:, ::-1] * 9e-5]) / number
        padded = np.pad(slices, ((0, 0), (16, 16), (0, 0)))
        kspace = fft(padded, (1, 2)) + (random.normal(size=padded.shape) + 1j * random.normal(size=padded.shape)) * 1e-6
        with create(f"theirs/volume_{number}.h5", "earliest") as f:
            f.create_dataset("kspace", data=(kspace * mask).astype(np.complex64), chunks=(1, 96, 64), compression="gzip",
                             shuffle=True)
            f["mask"] = mask
            f.attrs["max"] = float(slices.max())


fastmri()
volumes()
images()
complex_conventions()
