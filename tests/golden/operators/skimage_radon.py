"""Golden of parallel-beam projections: what scikit-image's radon gives on a phantom of discs.

Run: python tests/golden/operators/skimage_radon.py > tests/golden/operators/skimage_radon.json
Provenance: scikit-image 0.26.0, numpy 2.4.6. radon() turns the image by bilinear interpolation around pixel [n // 2, n // 2]
and sums its columns; with an odd n that is the middle of the image. Discs have smeared edges (16 x 16 points per pixel).
"""
import json

import numpy
from skimage.transform import radon

n, points = 49, 16
axis = (numpy.arange(n * points) + 0.5) / points - n / 2
y, x = -axis[:, None], axis[None, :]
image = numpy.zeros((n * points, n * points))
for value, middle_x, middle_y, radius in ((1.0, 2.0, -1.0, 15.0), (-0.5, 6.0, 4.0, 4.0), (0.8, -6.5, -3.0, 3.0)):
    image += value * ((x - middle_x) ** 2 + (y - middle_y) ** 2 <= radius**2)
image = image.reshape(n, points, n, points).mean(axis=(1, 3)).round(4)
angles = [0, 10, 30, 45, 80, 90, 135, 170]
sinogram = radon(image, theta=angles, circle=True).T
print(json.dumps({"angles_deg": angles, "image": image.tolist(), "sinogram": sinogram.round(4).tolist()}))
