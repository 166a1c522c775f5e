"""Reads what people want an answer for: clips, pictures, and folders of them."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from fitness_tracker.clips.folder import VIDEO_SUFFIXES
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.video.ffmpeg import read_frames, too_long_error
from fitness_tracker.video.frames import decode_picture
from fitness_tracker.video.letterbox import fit_frame

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".apng", ".webp", ".gif", ".bmp")
FRAME_S = 0.1  # of a frame of an animated picture that names no duration, as browsers have it
PREDICTION_LIMITS = Limits(seconds=4 * 3600, cpu_seconds=12 * 3600)  # a stage allows an hour: `STAGE_LIMITS`


def is_clip(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_input(
    path: Path,
    fps: float,
    fit: str,
    limits: Limits = PREDICTION_LIMITS,
    tell: Callable[[str], object] | None = None,
) -> Iterator[np.ndarray]:
    """The frames of a clip or an animated picture, `fps` a second, or the one frame of any other picture: (480, 640, 3)
    uint8 RGB, one at a time.

    `tell` is called with a line if the clip's clock was mended. Raises `UserError` if the file cannot be read as what
    its name says.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError("holds no picture and no clip" if path.is_dir() else "is no file")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UserError(error.strerror or str(error)) from None
    if is_clip(path):
        return read_frames(path, fps, fit, limits, tell)
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise UserError(f"is neither a clip ({' '.join(VIDEO_SUFFIXES)}) nor a picture ({' '.join(PICTURE_SUFFIXES)})")
    data = path.read_bytes()
    if pixels_of(data) > limits.pixels:
        raise UserError(f"has more than {limits.pixels} pixels; make it smaller")
    if is_animated(data):
        return read_animation(data, fps, fit, limits)
    picture = decode_picture(data)
    if picture is None:
        raise UserError("does not decode as a picture")
    return iter([fit_frame(picture, fit)])


def is_animated(data: bytes) -> bool:
    """Whether a picture file holds several frames: an animated WebP, PNG or GIF."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return bool(getattr(picture, "is_animated", False))
    except (OSError, ValueError, SyntaxError):
        return False


def read_animation(data: bytes, fps: float, fit: str, limits: Limits) -> Iterator[np.ndarray]:
    """The frames of an animated picture at the times 0, 1/fps, 2/fps, …; raises `UserError` if it is damaged or too
    long."""
    end_s, count = 0.0, 0
    try:
        with Image.open(io.BytesIO(data)) as picture:
            for number in range(getattr(picture, "n_frames", 1)):
                picture.seek(number)
                frame = fit_frame(np.asarray(picture.convert("RGB")), fit)
                end_s += picture.info.get("duration", 0) / 1000 or FRAME_S
                while count < max(end_s * fps, 1) - 1e-9:
                    if count >= limits.seconds * fps:
                        raise too_long_error(limits)
                    count += 1
                    yield frame
    except (OSError, ValueError, SyntaxError, EOFError):
        raise UserError("does not decode as an animated picture") from None


def check_frame(frame: object) -> np.ndarray:
    """The same; raises `ValueError` if it is no (H, W, 3) uint8 array with pixels."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        shape = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise ValueError(f"a frame is an array (H, W, 3) uint8 RGB, not {shape}")
    if not frame.size:
        raise ValueError("the frame is empty")
    return frame


def pixels_of(data: bytes) -> int:
    """The number of pixels that a picture file's header claims; 0 if it cannot be read."""
    try:
        with Image.open(io.BytesIO(data)) as header:
            return header.width * header.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # the latter where warnings are errors
        return sys.maxsize
    except (OSError, ValueError, SyntaxError):
        return 0


def find_files(paths: list[Path]) -> list[Path]:
    """The paths, with each folder replaced by the clips and pictures in it, sorted, without hidden files.

    A folder that holds none stays in the list, so that it is reported as an error.
    """
    files: list[Path] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir fails on a name that is too long
            below = (found for found in sorted(path.rglob("*")) if found.is_file())
            files += [
                found for found in below
                if found.suffix.lower() in VIDEO_SUFFIXES + PICTURE_SUFFIXES
                and not any(part.startswith(".") for part in found.relative_to(path).parts)
            ] or [path]  # fmt: skip
        else:
            files.append(path)
    return files
