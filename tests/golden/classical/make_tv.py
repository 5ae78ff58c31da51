"""Writes tv.json: a total-variation denoising by scikit-image, the judge of recon/solvers/classical/tv_pdhg.cpp.

Provenance: skimage.restoration.denoise_tv_chambolle (isotropic TV by forward differences; its `weight` w minimises
1/2 ||x - y||^2 + w TV(x)) run to 1e-15 relative change, on a noisy disk drawn here.
Run: python tests/golden/classical/make_tv.py    (needs scikit-image, numpy)
"""
import json
import pathlib

import numpy as np
import skimage
from skimage.restoration import denoise_tv_chambolle

rng = np.random.default_rng(0)
rows, columns = np.mgrid[:14, :11]
image = np.where((rows - 6) ** 2 + (columns - 5) ** 2 < 16, 0.6, -0.4) + 0.02 * columns
noisy = image + 0.15 * rng.standard_normal(image.shape)
weight = 0.12
denoised = denoise_tv_chambolle(noisy, weight=weight, eps=1e-15, max_num_iter=200000)
result = {
    "versions": {"scikit-image": skimage.__version__, "numpy": np.__version__},
    "shape": list(image.shape),
    "weight": weight,
    "noisy": [round(float(v), 15) for v in noisy.ravel()],
    "denoised": [round(float(v), 12) for v in denoised.ravel()],
}
pathlib.Path(__file__).with_name("tv.json").write_text(json.dumps(result) + "\n")
