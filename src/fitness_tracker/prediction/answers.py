"""Names the exercise in a frame, a picture or a clip. Needs nothing but a classifier bundle."""

import io
import os
import sys
import warnings
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from fitness_tracker.bundle import load_classifier
from fitness_tracker.classifier import Classifier, Prediction
from fitness_tracker.clips.folder import VIDEO_SUFFIXES
from fitness_tracker.errors import UserError
from fitness_tracker.params import Limits
from fitness_tracker.video.ffmpeg import HEIGHT, WIDTH, read_frames
from fitness_tracker.video.frames import decode_picture

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
CLASSIFIER = Path("models/classifier")

load_once = cache(load_classifier)


def fit_frame(frame: np.ndarray, fit: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB to (480, 640, 3) uint8 RGB, as the resize stage does it: 'pad', 'stretch' or 'crop'."""
    height, width = frame.shape[:2]
    if fit == "crop":  # first, so that a very long picture is not scaled up as a whole
        wide, high = min(width, round(height * WIDTH / HEIGHT)), min(height, round(width * HEIGHT / WIDTH))
        left, top = (width - wide) // 2, (height - high) // 2
        frame = frame[top : top + max(high, 1), left : left + max(wide, 1)]
    height, width = frame.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    inside = (max(1, round(width * scale)), max(1, round(height * scale))) if fit == "pad" else (WIDTH, HEIGHT)
    shrinks = inside[0] < width or inside[1] < height
    scaled = cv2.resize(frame, inside, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    left, top = (WIDTH - inside[0]) // 2, (HEIGHT - inside[1]) // 2
    right, bottom = WIDTH - inside[0] - left, HEIGHT - inside[1] - top
    return cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_CONSTANT)


def predict_exercise(frame: np.ndarray, classifier: Path | Classifier = CLASSIFIER) -> tuple[str, float]:
    """The exercise in a frame (H, W, 3) uint8 RGB of any size, or 'none', and the confidence in it, 0 to 1.

    Raises `ValueError` if `frame` is no such array, `UserError` if there is no classifier.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        shape = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise ValueError(f"a frame is an array (H, W, 3) uint8 RGB, not {shape}")
    if not frame.size:
        raise ValueError("the frame is empty")
    loaded = load_once(classifier) if isinstance(classifier, Path) else classifier
    return loaded.decide_label(loaded.predict_frames([fit_frame(frame, loaded.fit)]))


def predict_file(path: Path, classifier: Path | Classifier = CLASSIFIER) -> tuple[str, float]:
    """The exercise in a picture or clip, or 'none', and the confidence in it, 0 to 1.

    Raises `UserError` if the file cannot be read as what its name says, or there is no classifier.
    """
    loaded = load_once(classifier) if isinstance(classifier, Path) else classifier
    return loaded.decide_label(predict_path(path, loaded))


def predict_path(path: Path, classifier: Classifier) -> Prediction:
    """The prediction for a picture or clip; raises `UserError` like `predict_file`."""
    try:
        if path.exists() and not path.is_file():
            raise UserError("holds no picture and no clip" if path.is_dir() else "is no file")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(error.strerror or str(error)) from None
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return classifier.predict_frames(read_frames(data, classifier.fps, classifier.fit))
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise UserError(f"is neither a clip ({' '.join(VIDEO_SUFFIXES)}) nor a picture ({' '.join(PICTURE_SUFFIXES)})")
    if pixels_of(data) > Limits().pixels:
        raise UserError(f"has more than {Limits().pixels} pixels; make it smaller")
    picture = decode_picture(data)
    if picture is None:
        raise UserError("does not decode as a picture")
    return classifier.predict_frames([fit_frame(picture, classifier.fit)])


def pixels_of(data: bytes) -> int:
    """The number of pixels that a picture's header claims; 0 if there is no header."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as header:
            return header.width * header.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return sys.maxsize if isinstance(error, Image.DecompressionBombError) else 0


def find_files(paths: list[Path]) -> list[Path]:
    """The paths, with each folder replaced by the clips and pictures in it, sorted; hidden files do not count.

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
