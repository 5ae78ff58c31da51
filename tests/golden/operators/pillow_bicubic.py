"""Goldens of antialiased bicubic downsampling: what Pillow's Image.resize(..., BICUBIC) gives on a float image.

Run: python tests/golden/operators/pillow_bicubic.py > tests/golden/operators/pillow_bicubic.json
Provenance: Pillow 13.0.0, numpy 2.4.6 (mode "F", one channel, 32-bit float: no rounding to integers). The image is a fixed
smooth pattern plus a hash-like one, 24 x 36, so that it needs no data file.
"""
import json

import numpy
from PIL import Image

rows, columns = numpy.mgrid[0:24, 0:36].astype(numpy.float64)
image = numpy.sin(0.31 * rows + 0.17 * columns) + 0.5 * ((7919 * rows + 104729 * columns) % 101) / 101
image = image.round(4).astype(numpy.float32)
result = {"image": image.astype(numpy.float64).round(4).tolist()}

for factor in (2, 3, 4):
    small = Image.fromarray(image).resize((36 // factor, 24 // factor), Image.BICUBIC)
    result[f"factor_{factor}"] = numpy.asarray(small).astype(numpy.float64).round(6).tolist()
print(json.dumps(result))
