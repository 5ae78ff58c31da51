"""Writes richardson_lucy.json: iterates of scikit-image, the judge of recon/solvers/classical/richardson_lucy.cpp.

Provenance: skimage.restoration.richardson_lucy(counts, kernel, num_iter, clip=False): start 0.5, zeros beyond the
border, no division by what the border loses. Counts are drawn here; many are 0.
Run: python tests/golden/classical/make_richardson_lucy.py    (needs scikit-image, scipy, numpy)
"""
import json
import pathlib

import numpy as np
import skimage
from scipy.signal import convolve2d
from skimage.restoration import richardson_lucy

rng = np.random.default_rng(4)
truth = np.zeros((15, 18))
truth[4, 5], truth[9, 12], truth[7, 3:15], truth[0, 0] = 30, 12, 4, 20
kernel = rng.random((5, 3))
kernel /= kernel.sum()
counts = rng.poisson(convolve2d(truth, kernel, mode="same")).astype(float)
cases = [{"iterations": n, "image": richardson_lucy(counts, kernel, num_iter=n, clip=False).ravel().tolist()}
         for n in (1, 2, 10, 30)]
result = {
    "versions": {"scikit-image": skimage.__version__, "numpy": np.__version__},
    "shape": list(counts.shape),
    "kernel_shape": list(kernel.shape),
    "kernel": kernel.ravel().tolist(),
    "counts": counts.ravel().tolist(),
    "cases": cases,
}
pathlib.Path(__file__).with_name("richardson_lucy.json").write_text(json.dumps(result) + "\n")
