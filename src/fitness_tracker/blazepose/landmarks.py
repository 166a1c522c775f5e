"""The landmarks of one clip, and the `.npz` in which they are stored, as integers.

Rounding does not change a score, as a step is far below the networks' error. It makes files a third as large, and hides
the last bits, in which CPUs and C libraries may differ.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import npz_bytes

NPZ_VERSION = 3  # of the file

IMAGE_STEPS = 8  # per pixel: an int16 holds +-4,096 pixels
WORLD_STEPS = 4000  # per metre, 1/4 mm each: an int16 holds +-8.19 m
VISIBILITY_STEPS = 255  # from 0 to 1

NO_FRAMES = np.zeros(0)  # stands for what is not given


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one person in the T frames of a clip; all zero in frames where nobody was found.

    `len(landmarks)` is T, `landmarks[start:end]` are those of a part of the frames.
    """

    image_landmarks: np.ndarray  # (T, 33, 4) float32: x, y, z in pixels (z from the hips, < 0 nearer), visibility 0-1
    world_landmarks: np.ndarray  # (T, 33, 3) float32 metres: right, down, away from the camera; 0 between the hips
    times: np.ndarray  # (T,) float32 seconds
    found: np.ndarray  # (T,) bool
    # (T,) int32: the number of each frame's shot, never falling; if not given, all are of one
    shot: np.ndarray = field(default_factory=lambda: NO_FRAMES)
    # (T,) bool: somebody else may have been followed; if not given, nowhere
    several: np.ndarray = field(default_factory=lambda: NO_FRAMES)
    # (T,) uint8: the quarter turns, as those of `np.rot90`, that put each shot's picture upright; places are in that
    # one; if not given, 0
    turns: np.ndarray = field(default_factory=lambda: NO_FRAMES)

    def __post_init__(self) -> None:
        for name, dtype in (("shot", np.int32), ("several", np.bool_), ("turns", np.uint8)):
            if getattr(self, name) is NO_FRAMES:
                object.__setattr__(self, name, np.zeros(len(self.found), dtype))

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, frames: slice | np.ndarray) -> "Landmarks":
        """Those of some frames: a slice, or the frames' numbers."""
        return replace(self, **{name: array[frames] for name, array in vars(self).items()})

    def shots(self) -> list["Landmarks"]:
        """Those of each shot, in order."""
        cuts = [0, *(np.flatnonzero(np.diff(self.shot)) + 1).tolist(), len(self)]
        return [self[start:end] for start, end in pairwise(cuts)]


def join_landmarks(parts: Sequence[Landmarks]) -> Landmarks:
    """Those of all parts, one after the other."""
    names = [one.name for one in fields(Landmarks)]
    return Landmarks(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def to_integers(landmarks: Landmarks) -> dict[str, np.ndarray]:
    """The arrays as stored: `image`, `world` (T, 33, 3) int16, `visibility` (T, 33) uint8, `times`, `found`, `shot`,
    `several` and `turns` (T,)."""
    return {
        "image": quantize(landmarks.image_landmarks[..., :3], IMAGE_STEPS, np.int16),
        "world": quantize(landmarks.world_landmarks, WORLD_STEPS, np.int16),
        "visibility": quantize(landmarks.image_landmarks[..., 3], VISIBILITY_STEPS, np.uint8),
        "times": landmarks.times.astype(np.float32),
        "found": landmarks.found,
        "shot": landmarks.shot.astype(np.int32),
        "several": landmarks.several,
        "turns": landmarks.turns,
    }


def from_integers(arrays: Mapping[str, np.ndarray]) -> Landmarks:
    """The inverse of `to_integers`, but for the rounding; raises `KeyError` or `ValueError` for other arrays."""
    shapes = {"image": (LANDMARKS, 3), "world": (LANDMARKS, 3), "visibility": (LANDMARKS,)}
    kinds = {
        "image": "i2", "world": "i2", "visibility": "u1", "times": "f4", "found": "?", "shot": "i4", "several": "?",
        "turns": "u1",
    }  # fmt: skip
    for name, kind in kinds.items():
        shape = (len(arrays["times"]), *shapes.get(name, ()))
        if arrays[name].shape != shape or arrays[name].dtype != kind:
            raise ValueError(f"{name} is {arrays[name].dtype} {arrays[name].shape}")
    image = arrays["image"].astype(np.float32) / IMAGE_STEPS
    visibility = arrays["visibility"].astype(np.float32) / VISIBILITY_STEPS
    world = arrays["world"].astype(np.float32) / WORLD_STEPS
    return Landmarks(
        np.concatenate([image, visibility[..., None]], axis=-1), world, arrays["times"], arrays["found"],
        arrays["shot"], arrays["several"], arrays["turns"],
    )  # fmt: skip


def quantize(values: np.ndarray, steps: int, dtype: type[np.integer]) -> np.ndarray:
    """`values * steps`, rounded to whole numbers and clipped to what `dtype` holds."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values.astype(np.float64) * steps), limits.min, limits.max).astype(dtype)


def write_landmarks(landmarks: Landmarks) -> bytes:
    """The bytes of an `.npz`; the same landmarks give the same bytes."""
    return npz_bytes({"format_version": np.array(NPZ_VERSION), **to_integers(landmarks)})


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
