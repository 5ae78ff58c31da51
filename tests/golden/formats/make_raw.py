#!/usr/bin/env python3
"""Writes the DNG files of this folder (DNG 1.4 by its tags) and raw.npz, what is in them, computed from what was written.

    python3 make_raw.py        with numpy 2.4.6, tifffile 2026.3.3, imagecodecs 2026.3.6

mosaic.dng   RGGB, 16 bits, a black level for each filter, white balance, NoiseProfile for all colours
turned.dng   GBRG, lossless JPEG, big endian, a masked border, held upright (orientation 6), NoiseProfile for each colour
plain.dng    BGGR, no NoiseProfile, no white balance; noise of a known level in it
xtrans.dng   6 x 6 filters, linear.dng three colours a pixel, cmyg.dng other colours: no Bayer mosaics, to be refused
"""
import pathlib

import imagecodecs
import numpy as np
import tifffile

here = pathlib.Path(__file__).parent
CFA, LINEAR = 32803, 34892
BYTE, ASCII, SHORT, LONG, RATIONAL, SRATIONAL, DOUBLE = 1, 2, 3, 4, 5, 10, 12
RED, GREEN, BLUE = 0, 1, 2
colours = {"r": RED, "g": GREEN, "b": BLUE}


def rationals(values, unit=10000):
    return tuple(n for value in values for n in (round(value * unit), unit))


def write(name, counts, pattern, white, black, neutral=None, noise=None, active=None, orientation=1, photometric=CFA,
          planes=(RED, GREEN, BLUE), **how):
    tags = [(50706, BYTE, 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
            (50708, ASCII, 0, "recon test camera", True),  # UniqueCameraModel
            (271, ASCII, 0, "recon", True), (272, ASCII, 0, "test camera", True),
            (274, SHORT, 1, orientation, True),
            (50717, LONG, 1, white, True),
            (50721, SRATIONAL, 9, rationals(np.eye(3).ravel()), True),  # ColorMatrix1
            (50778, SHORT, 1, 21, True)]  # CalibrationIlluminant1: D65
    if photometric == CFA:
        rows, columns = pattern.shape
        tags += [(33421, SHORT, 2, (rows, columns), True), (33422, BYTE, rows * columns, pattern.astype(np.uint8).tobytes(), True),
                 (50710, BYTE, len(planes), bytes(planes), True),  # CFAPlaneColor
                 (50713, SHORT, 2, black.shape, True), (50714, LONG, black.size, tuple(int(b) for b in black.ravel()), True)]
    if neutral is not None:
        tags.append((50728, RATIONAL, 3, rationals(neutral), True))
    if noise is not None:
        tags.append((51041, DOUBLE, len(noise), tuple(noise), True))
    if active is not None:
        tags.append((50829, LONG, 4, active, True))
    tifffile.imwrite(here / name, counts, photometric=photometric, extratags=tags, metadata=None, software=False, **how)


def scene(height, width):
    """Linear light of red, green and blue [3, H, W] in [0, 1.1]: ramps, a bright disk that saturates."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    light = np.stack([0.05 + 0.5 * x, 0.1 + 0.6 * y, 0.3 - 0.25 * x * y])
    return np.where((x - 0.3)**2 + (y - 0.4)**2 < 0.01, 1.1, light)


def mosaic(light, letters):
    """What is seen behind the filters, and which colour each pixel has."""
    height, width = light.shape[1:]
    cells = np.array([colours[c] for c in letters]).reshape(2, 2)
    which = cells[np.arange(height)[:, None] % 2, np.arange(width) % 2]
    return np.take_along_axis(light, which[None], 0)[0], cells


expected = {}
# mosaic.dng
seen, cells = mosaic(scene(48, 64), "rggb")
black, white = np.array([[60, 64], [65, 70]]), 4095
level = np.tile(black, (24, 32))
counts = np.clip(np.round(level + seen * (white - level)), 0, white).astype(np.uint16)
write("mosaic.dng", counts, cells, white, black, neutral=(0.5, 1, 0.64), noise=(2e-4, 1e-6))
expected["mosaic"] = (counts - level) / (white - level)
# turned.dng: the visible area begins at row 2, column 4
seen, cells = mosaic(scene(48, 64), "gbrg")
black, white = np.array([[512]]), 16383
frame = np.full((52, 72), 512, np.uint16)
frame[2:50, 4:68] = np.clip(np.round(512 + seen * (white - 512)), 0, white)
padded = np.pad(frame, ((0, 12), (0, 24)), mode="edge")
tiles = [np.ascontiguousarray(padded[y:y + 32, x:x + 48]) for y in (0, 32) for x in (0, 48)]
write("turned.dng", (imagecodecs.ljpeg_encode(tile, bitspersample=14) for tile in tiles), cells, white, black, neutral=(0.8, 1, 0.4), noise=(1e-4, 1e-6, 2e-4, 2e-6, 4e-4, 4e-6),
      active=(2, 4, 50, 68), orientation=6, compression=7, tile=(32, 48), shape=frame.shape,
      dtype=np.uint16, byteorder=">")
expected["turned"] = np.rot90((frame[2:50, 4:68] - 512.0) / (white - 512), -1)  # a quarter turn clockwise
# plain.dng: variance = 1 / 500 x + 3e-5
seen, cells = mosaic(scene(128, 160), "bggr")
noise = np.random.default_rng(5).standard_normal(seen.shape)
noisy = seen + noise * np.sqrt(seen / 500 + 3e-5)
counts = np.clip(np.round(256 + noisy * (16383 - 256)), 0, 16383).astype(np.uint16)
write("plain.dng", counts, cells, 16383, np.array([[256]]))
# no Bayer mosaics
trans = np.array([[1, 1, 0, 1, 1, 2], [1, 1, 2, 1, 1, 0], [2, 0, 1, 0, 2, 1],
                  [1, 1, 2, 1, 1, 0], [1, 1, 0, 1, 1, 2], [0, 2, 1, 2, 0, 1]])
write("xtrans.dng", np.full((48, 48), 900, np.uint16), trans, 4095, np.array([[0]]))
write("linear.dng", np.full((48, 48, 3), 900, np.uint16), None, 4095, None, photometric=LINEAR)
write("cmyg.dng", np.full((48, 48), 900, np.uint16), np.array([[3, 4], [5, 1]]), 4095, np.array([[0]]), planes=(3, 4, 5, 1))
np.savez_compressed(here / "raw.npz", **{name: values.astype(np.float32) for name, values in expected.items()})
