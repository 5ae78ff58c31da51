#!/usr/bin/env python3
"""Makes metrics.json: scikit-image's PSNR and SSIM of images that follow a formula, which the test repeats.

Run: python tests/golden/metrics/make_golden.py (needs numpy, scikit-image). The versions are in the file.
"""
import json
import pathlib

import numpy as np
import skimage
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity


def pair(channels, height, width):
    """The two images of a case, [C, H, W]."""
    c, i, j = np.mgrid[0:channels, 0:height, 0:width].astype(np.float64)
    truth = 0.5 + 0.3 * np.sin(0.31 * i + 0.17 * j + c) + 0.15 * np.cos(0.011 * i * j)
    return truth + 0.1 * np.sin(1.7 * i - 2.3 * j + 2 * c) * truth, truth


cases = []
for channels, height, width, data_range in [(1, 32, 40, 1.0), (3, 24, 17, 2.0), (1, 11, 11, 1.0)]:
    x, truth = pair(channels, height, width)
    similarity = structural_similarity(x, truth, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                       data_range=data_range, channel_axis=0)
    cases.append({
        "shape": [channels, height, width],
        "data_range": data_range,
        "psnr": peak_signal_noise_ratio(truth, x, data_range=data_range),
        "ssim": similarity,
        "nrmse": normalized_root_mse(truth, x, normalization="euclidean"),
    })
out = {"made_with": f"scikit-image {skimage.__version__}, numpy {np.__version__}", "cases": cases}
(pathlib.Path(__file__).parent / "metrics.json").write_text(json.dumps(out, indent=1) + "\n")
