"""The landmarks of one clip, and the `.npz` in which they are stored, as integers.

Rounding does not change a score, as a step is far below the networks' error. It makes files a third as large, and hides
the last bits, in which CPUs and C libraries may differ.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.core.errors import UserError

NPZ_VERSION = 1  # of the file

IMAGE_STEPS = 8  # per pixel: an int16 holds +-4,096 pixels
WORLD_STEPS = 4000  # per metre, 1/4 mm each: an int16 holds +-8.19 m
VISIBILITY_STEPS = 255  # from 0 to 1


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one person in the T frames of a clip; all zero in frames where nobody was found.

    `len(landmarks)` is T, `landmarks[start:end]` are those of a part of the frames.
    """

    image_landmarks: np.ndarray  # (T, 33, 4) float32: x, y, z in pixels (z from the hips, < 0 nearer), visibility 0-1
    world_landmarks: np.ndarray  # (T, 33, 3) float32 metres: right, down, away from the camera; 0 between the hips
    times: np.ndarray  # (T,) float32 seconds
    found: np.ndarray  # (T,) bool

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, frames: slice | np.ndarray) -> "Landmarks":
        """Those of some frames: a slice, or the frames' numbers."""
        return Landmarks(*(array[frames] for array in vars(self).values()))


def to_integers(landmarks: Landmarks) -> dict[str, np.ndarray]:
    """The arrays as stored: `image`, `world` (T, 33, 3) int16, `visibility` (T, 33) uint8, `times` and `found` (T,)."""
    return {
        "image": quantize(landmarks.image_landmarks[..., :3], IMAGE_STEPS, np.int16),
        "world": quantize(landmarks.world_landmarks, WORLD_STEPS, np.int16),
        "visibility": quantize(landmarks.image_landmarks[..., 3], VISIBILITY_STEPS, np.uint8),
        "times": landmarks.times.astype(np.float32),
        "found": landmarks.found,
    }


def from_integers(arrays: Mapping[str, np.ndarray]) -> Landmarks:
    """The inverse of `to_integers`, but for the rounding; raises `KeyError` or `ValueError` for other arrays."""
    shapes = {"image": (LANDMARKS, 3), "world": (LANDMARKS, 3), "visibility": (LANDMARKS,), "times": (), "found": ()}
    kinds = {"image": "i2", "world": "i2", "visibility": "u1", "times": "f4", "found": "?"}
    for name, shape in shapes.items():
        if arrays[name].shape != (len(arrays["times"]), *shape) or arrays[name].dtype != kinds[name]:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}")
    image = arrays["image"].astype(np.float32) / IMAGE_STEPS
    visibility = arrays["visibility"].astype(np.float32) / VISIBILITY_STEPS
    world = arrays["world"].astype(np.float32) / WORLD_STEPS
    return Landmarks(np.concatenate([image, visibility[..., None]], axis=-1), world, arrays["times"], arrays["found"])


def quantize(values: np.ndarray, steps: int, dtype: type[np.integer]) -> np.ndarray:
    """`values * steps`, rounded to whole numbers and clipped to what `dtype` holds."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values.astype(np.float64) * steps), limits.min, limits.max).astype(dtype)


def write_landmarks(landmarks: Landmarks) -> bytes:
    """The bytes of an `.npz`; the same landmarks give the same bytes."""
    target = io.BytesIO()
    arrays = {"format_version": np.array(NPZ_VERSION), **to_integers(landmarks)}
    np.savez(target, allow_pickle=False, **arrays)
    return target.getvalue()


def read_landmarks(path: Path) -> Landmarks:
    """Reads what `write_landmarks` wrote; raises `UserError` if the file is missing or holds something else."""
    try:
        with np.load(path) as arrays:
            version = int(arrays["format_version"]) if "format_version" in arrays else 0
            if version == NPZ_VERSION:
                return from_integers(arrays)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; run the landmarks stage again") from None
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, AttributeError, TypeError):
        raise UserError(f"{path}: holds no landmarks; run the landmarks stage again") from None
    raise UserError(f"{path}: holds landmarks of format {version}, not {NPZ_VERSION}; run the landmarks stage again")
