"""Writes wavelets.json: soft-thresholded wavelet coefficients by PyWavelets, the judge of recon/solvers/classical/wavelet*.cpp.

Provenance: pywt.wavedec2 / waverec2 with mode "periodization" (the orthonormal periodic transform), soft thresholding
(pywt.threshold) of the details, and pywt.swt2 with norm=True (the undecimated tight frame), of an image drawn here.
PyWavelets begins its filters taps / 2 - 1 entries after ours, at every level: the image is rolled by what adds up
before and back after, so that both transforms look at the same positions.
Run: python tests/golden/classical/make_wavelets.py    (needs pywavelets, numpy)
"""
import json
import pathlib

import numpy as np
import pywt

rng = np.random.default_rng(1)
rows, columns = np.mgrid[:32, :48]
image = np.where((rows - 12) ** 2 + (columns - 20) ** 2 < 80, 0.6, -0.4) + 0.02 * columns
noisy = image + 0.15 * rng.standard_normal(image.shape)
threshold = 0.3
cases = []
for name, levels in [("haar", 3), ("db2", 3), ("db4", 2)]:
    taps = pywt.Wavelet(name).dec_len
    shift = (2**levels - 1) * (taps // 2 - 1)
    rolled = np.roll(noisy, (-shift, -shift), (0, 1))
    coefficients = pywt.wavedec2(rolled, name, mode="periodization", level=levels)
    kept = [coefficients[0]]
    for details in coefficients[1:]:
        kept.append(tuple(pywt.threshold(d, threshold, "soft") for d in details))
    denoised = np.roll(pywt.waverec2(kept, name, mode="periodization"), (shift, shift), (0, 1))
    frame = pywt.swt2(noisy[:, :32], name, levels, trim_approx=True, norm=True)
    norms = [float(np.abs(np.array(details)).sum()) for details in reversed(frame[1:])]
    cases.append({
        "wavelet": name,
        "levels": levels,
        "denoised": [round(float(v), 14) for v in denoised.ravel()],
        "frame_l1_of_details_finest_first": norms,
        "frame_l1_of_approximation": float(np.abs(frame[0]).sum()),
    })
result = {
    "versions": {"pywavelets": pywt.__version__, "numpy": np.__version__},
    "shape": list(image.shape),
    "threshold": threshold,
    "noisy": [round(float(v), 15) for v in noisy.ravel()],
    "cases": cases,
}
pathlib.Path(__file__).with_name("wavelets.json").write_text(json.dumps(result) + "\n")
