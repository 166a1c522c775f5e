"""The corpus's landmarks: of real clips, without the points of the face, which ship with the project.

Those of a clip lie in `<folder>/landmarks/<label>/<id>.npz`; `corpus/build.py` makes them from its video.
"""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose import tracker as blazepose
from fitness_tracker.blazepose.landmarks import Landmarks, from_integers, to_integers
from fitness_tracker.blazepose.skeleton import FACE
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import CORPUS_FIT, CORPUS_FPS, Limits
from fitness_tracker.corpus.catalog import advice
from fitness_tracker.video import ffmpeg, frames

FILE_VERSION = 2  # of the `.npz`
# Of `clip_to_landmarks`
OUTPUT_VERSION = (ffmpeg.OUTPUT_VERSION, frames.OUTPUT_VERSION, blazepose.OUTPUT_VERSION, FILE_VERSION)
MAX_NPZ_BYTES = 32 * 2**20  # of a file; an hour of frames takes 11 MB

# What NumPy and zipfile raise for a damaged file
NPZ_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


def landmarks_hash(landmarks: Landmarks) -> str:
    """A hash of the world landmarks without the face, the same for the same clip; empty if nobody is found."""
    if not landmarks.found.any():
        return ""
    world = np.delete(to_integers(landmarks)["world"], FACE, axis=1)
    return hashlib.sha256(world.tobytes()).hexdigest()


def clip_to_landmarks(clip: bytes, quality: int, limits: Limits, detector: bytes, landmarker: bytes) -> bytes:
    """A clip function: a clip's file to an `.npz` of the corpus, as the stages resize, extract and landmarks do it."""
    archive = frames.extract_frames(ffmpeg.resize_video(clip, CORPUS_FIT, limits), CORPUS_FPS, quality, limits)
    tracker = blazepose.pose_tracker(detector, landmarker)
    return write_corpus_landmarks(tracker.track(frames.read_zip(io.BytesIO(archive))))


def write_corpus_landmarks(landmarks: Landmarks) -> bytes:
    """The bytes of a compressed `.npz` of integers, without the points of the face.

    Points are stored as differences from frame to frame, which wrap around and save 15 % of the bytes.
    """
    arrays = to_integers(landmarks)
    for name in ("image", "world", "visibility"):
        points = np.delete(arrays[name], FACE, axis=1)
        arrays[name] = np.diff(points, axis=0, prepend=np.zeros_like(points[:1]))
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, format_version=np.array(FILE_VERSION), **arrays)
    return target.getvalue()


def read_corpus_landmarks(path: Path) -> Landmarks:
    """Reads what `write_corpus_landmarks` wrote, points of the face as 0; raises `UserError` for other files."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_NPZ_BYTES:
                raise UserError(f"{path}: is larger than {MAX_NPZ_BYTES // 2**20} MB when decompressed; {advice(path)}")
        with np.load(path, allow_pickle=False) as archive:
            version = int(archive["format_version"])
            if version != FILE_VERSION:
                raise UserError(f"{path}: holds landmarks of format {version}, not {FILE_VERSION}; {advice(path)}")
            arrays = dict(archive)
        for name in ("image", "world", "visibility"):
            points = np.cumsum(arrays[name], axis=0, dtype=arrays[name].dtype)
            arrays[name] = np.insert(points, [min(FACE)] * len(FACE), 0, axis=1)
        landmarks = from_integers(arrays)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; {advice(path)}") from None
    except NPZ_ERRORS:
        raise UserError(f"{path}: is damaged; {advice(path)}") from None
    if not len(landmarks):
        raise UserError(f"{path}: holds no frame; {advice(path)}")
    if not (np.diff(landmarks.times, prepend=-1) > 0).all():
        raise UserError(f"{path}: its frames are not in the order of their times; {advice(path)}")
    return landmarks
