"""Tables without groups that resemble the users: what clusters must beat.

Each function returns many tables at once, shape (tables, users, columns).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[Any]  # float32, for many tables are held at once


def permuted(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    """Return tables with the columns of `sample`, each shuffled independently."""
    return np.asarray(rng.permuted(np.repeat(sample[None], n_null, axis=0), axis=1))


def gaussian(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    """Return tables drawn from one Gaussian with the covariance of `sample`."""
    noise = rng.standard_normal((n_null, *sample.shape))
    return np.asarray(noise @ _root(np.cov(sample, rowvar=False)).T, dtype=np.float32)


def copula(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    """Return tables with exactly the columns of `sample`, joined as a Gaussian would join them.

    The correlations of the Gaussian are moved until those of the tables are the sample's: ties
    and skew weaken them on the way (Cario & Nelson 1997).
    """
    wanted = _correlations(sample)
    noise, columns = rng.standard_normal((n_null, *sample.shape)), np.sort(sample, axis=0)
    latent = wanted
    for _ in range(4):
        tables = _joined(columns, noise[:8], latent)
        got = _correlations(tables.reshape(-1, sample.shape[1]))
        latent = np.clip(latent + wanted - got, -0.999, 0.999)
        np.fill_diagonal(latent, 1)
    return _joined(columns, noise, latent)


def _joined(columns: Floats, noise: Floats, latent: Floats) -> Floats:
    ranks = (noise @ _root(latent).T).argsort(axis=1).argsort(axis=1)
    return np.take_along_axis(columns[None], ranks, axis=1)


def _correlations(sample: Floats) -> Floats:
    """Return the correlations of the columns; 0 with a column that is constant in the sample."""
    constant = (sample == sample[:1]).all(axis=0)
    if not constant.any():
        return np.asarray(np.corrcoef(sample, rowvar=False))
    moving = np.where(constant, np.arange(len(sample))[:, None], sample)
    matrix = np.asarray(np.corrcoef(moving, rowvar=False))
    matrix[constant] = matrix[:, constant] = 0
    np.fill_diagonal(matrix, 1)
    return matrix


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))


NULLS: dict[str, Callable[[Floats, int, np.random.Generator], Floats]] = {
    "permuted": permuted,
    "gaussian": gaussian,
    "copula": copula,
}
SHAPELESS = ("permuted", "gaussian")
"""Nulls that keep nothing of the humps that groups leave in a column or between two."""
