"""The frames of a clip as one zip of JPEGs, members named by their time in seconds: '00002.300.jpg'.

Stored, not compressed (JPEG is), with a fixed date, so that the same frames are the same bytes.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import ZIP_DATE
from fitness_tracker.core.params import Limits
from fitness_tracker.video.ffmpeg import STAGE_LIMITS, NotedBytes, read_frames

OUTPUT_VERSION = 1  # of `extract_frames`: raise it when the same clip gives other bytes


def extract_frames(clip: bytes, fps: float, quality: int, limits: Limits = STAGE_LIMITS) -> bytes:
    """A clip function: a resized clip to a zip of its frames, `fps` a second, as JPEGs of quality 1-100.

    Raises `ClipError` if it does not decode, or not within the limits. Where its clock was mended, the result is
    `NotedBytes`.
    """
    target, notes = io.BytesIO(), list[str]()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, frame in enumerate(read_frames(clip, fps, "pad", limits, notes.append)):
            member = zipfile.ZipInfo(f"{number / fps:09.3f}.jpg", ZIP_DATE)
            archive.writestr(member, encode_jpeg(frame, quality))
    return NotedBytes(target.getvalue(), notes[0]) if notes else target.getvalue()


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """(H, W, 3) uint8 RGB to a JPEG's bytes, quality 1-100."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def decode_picture(data: bytes) -> np.ndarray | None:
    """A picture file's bytes to (H, W, 3) uint8 RGB, upright by its EXIF; None if they are no picture."""
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # a header that claims more pixels than OpenCV takes
        return None
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def read_zip(path: Path | BinaryIO) -> Iterator[tuple[float, np.ndarray]]:
    """The frames of a clip in time order: (seconds, (H, W, 3) uint8 RGB); raises `UserError` for another file."""
    with open_zip(path) as archive:
        for name in sorted(archive.namelist()):
            yield time_of(archive, name), read_member(archive, name)


def middle_frame(path: Path) -> np.ndarray:
    """The frame in the middle of a clip, (H, W, 3) uint8 RGB; raises `UserError` for another file."""
    with open_zip(path) as archive:
        names = sorted(archive.namelist())
        return read_member(archive, names[len(names) // 2])


def open_zip(path: Path | BinaryIO) -> zipfile.ZipFile:
    """The zip, with one member at least."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError):
        raise zip_error(path, "is no zip of frames") from None
    if not archive.namelist():
        raise zip_error(path, "holds no frame")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    try:
        frame = decode_picture(archive.read(name))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError):  # also NotImplementedError
        frame = None
    if frame is None:
        raise zip_error(archive.filename, f"{name} in it is no picture")
    return frame


def time_of(archive: zipfile.ZipFile, name: str) -> float:
    """Seconds, from a member's name."""
    try:
        return float(name.removesuffix(".jpg"))
    except ValueError:
        raise zip_error(archive.filename, f"{name} in it is no time") from None


def zip_error(source: object, problem: str) -> UserError:
    place = source if isinstance(source, Path | str) else "the zip"
    return UserError(f"{place}: {problem}; run the extract stage again")


def shrink(frame: np.ndarray, size: int) -> np.ndarray:
    """(H, W, 3) uint8 to (size, size, 3) uint8, each pixel the mean of an area: what the frame network sees."""
    return cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
