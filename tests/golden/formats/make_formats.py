#!/usr/bin/env python3
"""Small files as astropy and numpy write them, for the readers of FITS and NumPy files.

Run: python tests/golden/formats/make_formats.py (astropy 7.2, numpy). expected.json has the values of each array.
"""
import json
import pathlib

import numpy as np
from astropy.io import fits

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(1)
image = rng.normal(100, 20, (6, 8)).astype(np.float32)
counts = rng.integers(0, 60000, (6, 8)).astype(np.uint16)  # stored as int16 with BZERO = 32768
cube = rng.integers(0, 255, (3, 6, 8)).astype(np.uint8)
expected = {"image": image.tolist(), "counts": counts.tolist(), "cube": cube.tolist()}

primary = fits.PrimaryHDU(image)
primary.header["OBJECT"] = "the observer's galaxy"
blank = fits.ImageHDU(np.array([[1, 2, -999], [4, 5, 6]], dtype=np.int32), name="BLANKS")
blank.header["BLANK"] = -999
blank.header["BSCALE"] = 0.5
blank.header["BZERO"] = 10.0
table = fits.BinTableHDU.from_columns([fits.Column(name="flux", format="D", array=np.arange(5.0))], name="STARS")
fits.HDUList([primary, table, fits.ImageHDU(counts, name="COUNTS"), blank]).writeto(here / "image.fits", overwrite=True)
fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(cube, name="CUBE")]).writeto(here / "cube.fits.gz", overwrite=True)
fits.HDUList([fits.PrimaryHDU(), table]).writeto(here / "table.fits", overwrite=True)
fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(counts)]).writeto(here / "packed.fits", overwrite=True)

arrays = {
    "float32": image, "float64_fortran": np.asfortranarray(image.astype(np.float64)),
    "float32_big": image.astype(">f4"), "complex64": (image + 1j * image[::-1]).astype(np.complex64),
    "complex128_big": (image - 1j * image).astype(">c16"), "uint8": cube, "uint16_big": counts.astype(">u2"),
    "int64": counts.astype(np.int64) - 30000, "bool": image > 100, "float16": (image / 7).astype(np.float16),
}
for name, array in arrays.items():
    np.save(here / f"{name}.npy", array)
    parts = [array.real, array.imag] if np.iscomplexobj(array) else [array]
    expected[name] = {"shape": array.shape, "parts": [np.asarray(part, dtype=np.float64).ravel().tolist() for part in parts]}
np.save(here / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save(here / "structured.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))
(here / "expected.json").write_text(json.dumps(expected))
