"""The landmarks of one clip, and the `.npz` in which they are stored, as integers.

Rounding is worth nothing to a score (a step is far below what the networks err by), makes a file a third as large, and
hides the last bits, in which CPUs and C libraries may differ.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.core.errors import UserError

FORMAT_VERSION = 1  # of the `.npz`

IMAGE_STEPS = 8  # a pixel: +-4,096 pixels fit into an int16
WORLD_STEPS = 4000  # a metre: a step is 1/4 mm, +-8.19 m fit into an int16
VISIBILITY_STEPS = 255  # from 0 to 1


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one person through a clip; all zero in frames where nobody was found."""

    image_landmarks: np.ndarray  # (T, 33, 4) float32: x, y, z in pixels (z from the hips, < 0 nearer), visibility 0-1
    world_landmarks: np.ndarray  # (T, 33, 3) float32 metres: right, down, away from the camera; 0 between the hips
    times: np.ndarray  # (T,) float32 seconds
    found: np.ndarray  # (T,) bool


def to_integers(landmarks: Landmarks) -> dict[str, np.ndarray]:
    """Arrays `image` (T, 33, 3) and `world` (T, 33, 3) int16, `visibility` (T, 33) uint8, `times` and `found`."""
    return {
        "image": quantize(landmarks.image_landmarks[..., :3], IMAGE_STEPS, np.int16),
        "world": quantize(landmarks.world_landmarks, WORLD_STEPS, np.int16),
        "visibility": quantize(landmarks.image_landmarks[..., 3], VISIBILITY_STEPS, np.uint8),
        "times": landmarks.times.astype(np.float32),
        "found": landmarks.found,
    }


def from_integers(arrays: Mapping[str, np.ndarray]) -> Landmarks:
    """What `to_integers` was given, rounded; raises `KeyError` or `ValueError` if the arrays are something else."""
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
    """Integers of `steps` to one, the nearest that `dtype` holds."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values.astype(np.float64) * steps), limits.min, limits.max).astype(dtype)


def write_landmarks(landmarks: Landmarks) -> bytes:
    """An `.npz`; the same landmarks are the same bytes."""
    target = io.BytesIO()
    arrays = {"format_version": np.array(FORMAT_VERSION), **to_integers(landmarks)}
    np.savez(target, allow_pickle=False, **arrays)
    return target.getvalue()


def read_landmarks(path: Path) -> Landmarks:
    """What `write_landmarks` wrote; raises `UserError` if it is something else."""
    try:
        with np.load(path) as arrays:
            version = int(arrays["format_version"]) if "format_version" in arrays else 0
            if version == FORMAT_VERSION:
                return from_integers(arrays)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; run the landmarks stage again") from None
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError, AttributeError, TypeError):
        raise UserError(f"{path}: holds no landmarks; run the landmarks stage again") from None
    raise UserError(f"{path}: holds landmarks of format {version}, not {FORMAT_VERSION}; run the landmarks stage again")
