"""Writes dps.json: DPS by a few lines of PyTorch in double precision, the judge of recon/solvers/posterior/dps.cpp.

Algorithm 1 of Chung et al. 2023 with the score and the guidance gradient by autograd of closed-form log densities, and
the self-tuned guidance of recon/solvers/posterior/dps.h. The noise tape is drawn here by an own Philox4x32-10 and
Box-Muller in numpy, so that the file also judges recon/core/rng.h.
Made with torch 2.11, numpy 2. Run: python tests/golden/dps/make_dps.py
"""
import json
import math
import os

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
M64, M32 = (1 << 64) - 1, (1 << 32) - 1
SEED, SHAPE, STEPS, NOISE_STD = 17, [1, 3, 4], 28, 0.1
N, KEYS = 12, [(5, 0), (5, 1), (901, 0)]


def mix(z):
    z = (z + 0x9E3779B97F4A7C15) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def fnv1a(text):
    h = 0xCBF29CE484222325
    for c in text.encode():
        h = ((h ^ c) * 0x100000001B3) & M64
    return h


def philox(counter, key0, key1):
    c = list(counter)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ key0, p1 & M32, (p0 >> 32) ^ c[3] ^ key1, p0 & M32]
        key0, key1 = (key0 + 0x9E3779B9) & M32, (key1 + 0xBB67AE85) & M32
    return c


def normals(stream, item, sample, step, count):
    key = mix(mix(mix(SEED) ^ fnv1a(stream)) ^ item) ^ mix(sample + 1)
    out = []
    for pair in range((count + 1) // 2):
        w = philox([pair & M32, pair >> 32, step, 0], key & M32, key >> 32)
        u = 1.0 - (((w[0] << 32) | w[1]) >> 11) * 2.0**-53
        angle = 2 * math.pi * (((w[2] << 32) | w[3]) >> 11) * 2.0**-53
        radius = math.sqrt(-2 * math.log(u))
        out += [radius * math.cos(angle), radius * math.sin(angle)]
    return torch.tensor(out[:count])


betas = np.linspace(1e-4, 0.02, 1000)
alpha_bar = np.cumprod(1 - betas)
levels = [float(alpha_bar[t]) for t in range(999, -1, -37)] + [1.0]  # 28 levels of the table, then the clean image


def log_mixture(x, ab, prior):
    """log of sum_k w_k N(x; sqrt(ab) m_k, ab S_k + (1 - ab) I)."""
    terms = []
    for w, m, s in prior:
        c = ab * s + (1 - ab) * torch.eye(N)
        d = x - math.sqrt(ab) * m
        terms.append(math.log(w) - 0.5 * d @ torch.linalg.solve(c, d) - 0.5 * torch.logdet(c))
    return torch.logsumexp(torch.stack(terms), 0)


def tweedie(x, ab, prior):
    score, = torch.autograd.grad(log_mixture(x, ab, prior), x, create_graph=True)
    return (x + (1 - ab) * score) / math.sqrt(ab)


def algorithm_1(y, A, prior, key, zeta, squared):
    x = math.sqrt(1 - levels[0]) * normals("dps", *key, 0, N)
    for i, (ab, ab_next) in enumerate(zip(levels, levels[1:])):
        x = x.detach().requires_grad_()
        x0 = tweedie(x, ab, prior)
        norm = torch.linalg.norm(y - A @ x0)
        gradient, = torch.autograd.grad(norm**2 if squared else norm, x)
        a = ab / ab_next
        mean = math.sqrt(a) * (1 - ab_next) / (1 - ab) * x + math.sqrt(ab_next) * (1 - a) / (1 - ab) * x0
        spread = math.sqrt((1 - a) * (1 - ab_next) / (1 - ab))
        z = normals("dps", *key, i + 1, N) if ab_next < 1 else 0
        x = mean + spread * z - zeta * gradient
    return x.detach()


def self_tuned(y, A, prior, key):
    """Ancestral steps of second order (DPM-Solver++ 2M) on the guided denoiser; one Gaussian."""
    (_, _, cov), = prior
    energy = sum(float((A @ normals("operator_gain", key[0], 0, p, N)).square().sum()) for p in range(8))
    gain = energy / (8 * len(y))
    x = math.sqrt(1 - levels[0]) * normals("dps", *key, 0, N)
    before, width_before = None, None
    for i, (ab, ab_next) in enumerate(zip(levels, levels[1:])):
        r2, r2_next = (1 - ab) / ab, (1 - ab_next) / ab_next
        x = x.detach().requires_grad_()
        x0 = tweedie(x, ab, prior)
        residual = (y - A @ x0).square().sum()
        half, = torch.autograd.grad(-0.5 * residual, x)
        cbar = float(torch.diagonal(torch.linalg.solve(cov + r2 * torch.eye(N), cov) * r2).mean())
        w = A.T @ (y - A @ x0)
        pull = (1 - ab) / math.sqrt(ab) * half
        evidence, along = float(residual.detach()) / len(y), NOISE_STD**2 + float((w @ pull / residual).detach())
        v = max(min(evidence, along), NOISE_STD**2 + cbar * gain, (1 - r2_next / r2) * along)
        guided = (x0 + pull / v).detach()
        target = guided
        width = 0.5 * math.log(r2 / r2_next) if r2_next > 0 else None
        if before is not None and width is not None:
            target = guided + 0.5 * width / width_before * (guided - before)
        before, width_before = guided, width
        a = ab / ab_next
        mean = math.sqrt(a) * (1 - ab_next) / (1 - ab) * x + math.sqrt(ab_next) * (1 - a) / (1 - ab) * target
        spread = math.sqrt((1 - a) * (1 - ab_next) / (1 - ab))
        x = mean + (spread * normals("dps", *key, i + 1, N) if ab_next < 1 else 0)
    return x.detach()


rng = np.random.default_rng(3)
A = torch.tensor(np.round(rng.normal(size=(7, N)) / 3, 6))
mixture = [(0.3, torch.tensor(np.round(rng.normal(size=N) * 0.5, 6)), 0.04 * torch.eye(N)),
           (0.7, torch.tensor(np.round(rng.normal(size=N) * 0.5, 6)), 0.09 * torch.eye(N))]
root = torch.tensor(np.round(rng.normal(size=(N, N)) / 5, 6))
gaussian = [(1.0, torch.tensor(np.round(rng.normal(size=N) * 0.2, 6)), root @ root.T + 0.01 * torch.eye(N))]
y = torch.tensor(np.round(rng.normal(size=(len(KEYS), 7)) * 0.4, 6))
out = {"seed": SEED, "shape": SHAPE, "steps": STEPS, "noise_std": NOISE_STD, "keys": KEYS, "A": A.tolist(), "y": y.tolist(),
       "weights": [w for w, _, _ in mixture], "means": [m.tolist() for _, m, _ in mixture], "variances": [0.04, 0.09],
       "gaussian_mean": gaussian[0][1].tolist(), "gaussian_covariance": gaussian[0][2].tolist(),
       "zeta_residual": 0.3, "zeta_squared": 0.2}
out["residual"] = [algorithm_1(y[i], A, mixture, k, 0.3, False).tolist() for i, k in enumerate(KEYS)]
out["squared"] = [algorithm_1(y[i], A, mixture, k, 0.2, True).tolist() for i, k in enumerate(KEYS)]
out["auto"] = [self_tuned(y[i], A, gaussian, k).tolist() for i, k in enumerate(KEYS)]
with open(os.path.join(os.path.dirname(__file__), "dps.json"), "w") as f:
    json.dump(out, f, indent=0)
print({k: np.round(out[k][0], 3).tolist() for k in ("residual", "squared", "auto")})
