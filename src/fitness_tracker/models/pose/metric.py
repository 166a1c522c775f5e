"""How alike two movements are, taught or not: a metric of the embedding, and what its similarity means.

Of each member's embedding of a window the square root is taken; it is centred and whitened by the clips that the member
learnt from, and divided by its length. The similarity of two is the cosine between them, the mean of all members'. A
logistic function makes a probability of it. `enrolling.py` fits both.
"""

import io
from dataclasses import dataclass

import numpy as np

from fitness_tracker.core.files import npz_bytes

METRIC = "metric.npz"
MAX_VALUE = 1e4  # of the arrays of a metric


@dataclass(frozen=True)
class Metric:
    """Of embeddings of M members, U units each."""

    mean: np.ndarray  # (M, U) float32
    whitening: np.ndarray  # (M, U, U) float32, lower triangular
    slope: float  # of the probability's logarithmic odds over the similarity
    middle: float  # the similarity at half of the ceiling
    ceiling: float  # the highest probability
    alike: float  # the similarity that nearly all clips of one movement have

    def vectors(self, embedding: np.ndarray) -> np.ndarray:
        """Embeddings (N, M, U) of windows to (N, M, U) float32, each of length 1."""
        whitened = np.matmul((root(embedding) - self.mean).transpose(1, 0, 2), self.whitening)  # (M, N, U)
        return unit_length(whitened.transpose(1, 0, 2)).astype(np.float32)

    def probability(self, similarity: np.ndarray) -> np.ndarray:
        """Cosines (...) to the probabilities (...) that the movement is the same."""
        return self.ceiling / (1 + np.exp(-np.clip(self.slope * (similarity - self.middle), -60, 60)))

    def pack(self) -> bytes:
        """The bytes of an `.npz`: 165 kB for ten members of 128 units."""
        lower = np.tril_indices(self.mean.shape[1])
        return npz_bytes({
            "mean": self.mean, "whitening": self.whitening[:, *lower].astype(np.float16),
            "calibration": np.array([self.slope, self.middle, self.ceiling, self.alike]),
        })  # fmt: skip


def unpack_metric(content: bytes, members: int, units: int) -> Metric:
    """What `Metric.pack` packed; raises `ValueError`, `KeyError` or `BadZipFile` if it does not fit the graph."""
    triangle = units * (units + 1) // 2
    if len(content) > 10_000 + members * (2 * triangle + 4 * units):
        raise ValueError("it is larger than that of any classifier")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        mean, packed, calibration = (arrays[name] for name in ("mean", "whitening", "calibration"))
    wanted = ((mean, "float32", (members, units)), (packed, "float16", (members, triangle)), (calibration, "f8", (4,)))
    for array, dtype, shape in wanted:
        if array.dtype != dtype or array.shape != shape or not (np.abs(array) <= MAX_VALUE).all():  # NaN, too
            raise ValueError("its metric does not fit its graph")
    whitening = np.zeros((members, units, units), np.float32)
    whitening[:, *np.tril_indices(units)] = packed
    return Metric(mean, whitening, *map(float, calibration))


def plain_metric(members: int, units: int) -> Metric:
    """One that whitens nothing, where there is nothing to fit it on; the numbers are about those of the corpus."""
    whitening = np.tile(np.eye(units, dtype=np.float32), (members, 1, 1))
    return Metric(np.zeros((members, units), np.float32), whitening, slope=14.0, middle=0.4, ceiling=0.9, alike=0.07)


def mean_vector(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, M, U) of windows or clips to one (M, U) of length 1 for each member."""
    return unit_length(vectors.mean(axis=0))


def similarity(windows: np.ndarray, movements: np.ndarray) -> np.ndarray:
    """Vectors (N, M, U) of windows and (E, M, U) of movements to their cosines (N, E), means over the members."""
    return windows.reshape(len(windows), -1) @ movements.reshape(len(movements), -1).T / windows.shape[1]


def unit_length(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True)), 1e-9)


def root(embedding: np.ndarray) -> np.ndarray:
    """The square root of the sizes, with the signs."""
    return np.sign(embedding) * np.sqrt(np.abs(embedding))
