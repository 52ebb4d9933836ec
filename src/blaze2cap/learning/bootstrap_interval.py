"""Percentile intervals of ratios of sums, by resampling clusters of frames (Efron and Tibshirani 1993, chapter 13)."""

import numpy as np
from jaxtyping import Float, Float64

LEVEL = 0.95


def bootstrap_interval(
    value: Float64[np.ndarray, "clusters figures"],
    weight: Float64[np.ndarray, "clusters figures"],
    samples: int,
    seed: int,
) -> Float[np.ndarray, "figures 2"]:
    """Low and high end of the 95 % interval of sum(value) / sum(weight), with clusters drawn with replacement.

    Draws in which a figure has no weight are left out for it; not-a-number where none has any.
    """
    clusters = len(value)
    drawn = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=samples)
    total, share = drawn @ value, drawn @ weight
    ratio = np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)
    tail = 50 * (1 - LEVEL)
    interval = np.full((value.shape[1], 2), np.nan)
    for number in np.flatnonzero((share > 0).any(0)):
        interval[number] = np.nanpercentile(ratio[:, number], [tail, 100 - tail])
    return interval
