#!/usr/bin/env python3
"""Makes the golden files of tests/data: HDF5 by h5py and pictures by Pillow and imageio, the tools users have.

Run: python tests/golden/data/make_golden.py (needs numpy, h5py, Pillow, tifffile). Made with h5py 3.x on Python 3.11;
the versions used are in the attribute `provenance` of h5py_types.h5. Values follow formulas that the tests repeat.
"""
import pathlib

import h5py
import numpy as np
import PIL
import tifffile
from PIL import Image

here = pathlib.Path(__file__).parent


def ramp(shape, dtype):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


def types_file():
    """Every type, byte order, layout and kind of text that data/hdf5 reads; values 0, 1, 2, ..."""
    with h5py.File(here / "h5py_types.h5", "w") as f:
        f.attrs["provenance"] = f"h5py {h5py.__version__}, numpy {np.__version__}"
        for name in ["<f4", ">f4", "<f8", ">f8", "<f2", ">f2", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", "<u2",
                     ">u2", "<u4", ">u4"]:
            f["number_" + name.replace("<", "le_").replace(">", "be_")] = ramp((3, 4), name)
        complex_ramp = ramp((3, 4), "f8") - 0.5j * ramp((3, 4), "f8")
        for name in ["<c8", ">c8", "<c16", ">c16"]:
            f["complex_" + name.replace("<", "le_").replace(">", "be_")] = complex_ramp.astype(name)
        f["bool"] = ramp((3, 4), "i8") % 2 == 1
        f["scalar"] = np.float64(7.5)
        f.create_dataset("chunked", data=ramp((3, 4), "f4"), chunks=(2, 3))
        f.create_dataset("gzip", data=ramp((300, 4), "f4"), chunks=(64, 4), compression="gzip", shuffle=True)
        f.create_dataset("resizable", data=ramp((3, 4), "f4"), maxshape=(None, 4))
        f.create_dataset("empty", shape=(0, 4), dtype="f4")
        f.create_dataset("null", data=h5py.Empty("f4"))
        f["text_variable"] = ["one", "zwölf", ""]
        f["text_fixed"] = np.array([b"one", b"four"], dtype="S4")
        f.create_dataset("text_latin1", data=np.array([b"zw\xf6lf"], dtype="S5"))
        f["unsigned_64"] = ramp((3,), "u8")
        f["pairs"] = np.array([(1, 2)], dtype=[("x", "f4"), ("y", "f4")])
        f["long_double"] = np.zeros(2, dtype=np.longdouble)
        f.create_dataset("claims_a_terabyte", shape=(1000, 1000, 1000, 250), dtype="f4", chunks=(1, 1, 100, 250))
        f.create_dataset("compressed_claim", shape=(10**9, 250), dtype="f4", chunks=(10**3, 250), compression="gzip")
        f["compressed_claim"][0, 0] = 1
        f["soft"] = h5py.SoftLink("/nowhere")
        f["outside"] = h5py.ExternalLink("no_such_file.h5", "/x")
        group = f.create_group("attributes")
        group.attrs["text"] = "zwölf"
        group.attrs["bytes"] = np.bytes_(b"abc")
        group.attrs["int"] = 3
        group.attrs["float32"] = np.float32(0.25)
        group.attrs["list"] = [1.0, 2.5]
        group.attrs["negative"] = -1
        group.attrs["seed"] = np.uint64(2**64 - 1)


def measurement_file():
    """A measurement file as data/FORMAT.md tells users to make one."""
    with h5py.File(here / "h5py_measurement.h5", "w") as f:
        f.attrs["format"] = "recon-measurement"
        f.attrs["version"] = 1
        f.attrs["image_range"] = [0.0, 1.0]
        f.attrs["image_shape"] = [1, 4, 5]
        y = ramp((2, 1, 4, 5), "f4") / 64
        f["measurements"] = (y - 1j * y).astype("c8")
        f["ground_truth"] = y
        f["ids"] = ["left", "right"]
        operator = f.create_group("operator")
        operator.attrs["config"] = "type: masked_fourier\nmask: mask\n"
        operator["mask"] = ramp((4, 5), "i8") % 2 == 0
        maps = operator.create_dataset("coil_maps", data=ramp((2, 3), "f8"))
        maps.attrs["per_item"] = 1
        noise = f.create_group("noise")
        noise.attrs["type"] = "gaussian"
        noise.attrs["std"] = [0.125, 0.25]


def pictures():
    """Pixel (y, x, c) is 7 y + 13 x + 29 c, modulo 256 for 8 bits and times 251 modulo 65536 for 16 bits."""
    y, x, c = np.mgrid[0:6, 0:9, 0:4]
    value = 7 * y + 13 * x + 29 * c
    eight, sixteen = (value % 256).astype("u1"), (value * 251 % 65536).astype("u2")
    Image.fromarray(eight[..., 0]).save(here / "gray8.png")
    Image.fromarray(eight[..., :3]).save(here / "rgb8.png")
    Image.fromarray(eight).save(here / "rgba8.png")
    Image.fromarray(sixteen[..., 0]).save(here / "gray16.png")
    tifffile.imwrite(here / "gray16.tiff", sixteen[..., 0])
    tifffile.imwrite(here / "rgb16.tiff", sixteen[..., :3], photometric="rgb")
    tifffile.imwrite(here / "gray_float.tiff", (value[..., 0] - 50).astype("f4") / 8)
    tifffile.imwrite(here / "int32.tiff", value[..., 0].astype("i4"))
    # JPEG is lossy: constant colour areas survive it nearly exactly.
    flat = np.zeros((16, 16, 3), "u1")
    flat[:] = [200, 100, 50]
    Image.fromarray(flat).save(here / "rgb8.jpg", quality=100, subsampling=0)


if __name__ == "__main__":
    print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}, Pillow {PIL.__version__}, tifffile {tifffile.__version__}")
    types_file()
    measurement_file()
    pictures()
