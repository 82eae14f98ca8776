"""The standard error of a mean whose values come in clusters, as the tokens of one document do."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def clustered_stderr(values: npt.NDArray[np.float64], clusters: npt.NDArray[np.int64]) -> float:
    """Cluster-robust standard error of the mean of `values`, value i being of cluster `clusters[i]`.

    sqrt(G / (G - 1) * sum over clusters of (sum of deviations)^2) / n, after Liang and Zeger, Biometrika 73
    (1986) 13; Miller, arXiv:2411.00640, section 2.2. With one value a cluster it is s / sqrt(n); NaN for
    fewer than two clusters.
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    count = int(numbers.max()) + 1
    if count < 2:
        return math.nan
    sums = np.bincount(numbers, weights=values - values.mean())
    return float(math.sqrt(count / (count - 1) * float((sums**2).sum())) / values.size)
