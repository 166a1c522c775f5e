"""The corpus: landmarks of real clips that ship with the project, without those of the face.

`<folder>/catalog.csv` has a row for each clip, `<folder>/landmarks/<label>/<id>.npz` its landmarks, and
`<folder>/exercises.csv` says which exercise a label is taught as, if any. `corpus/build.py` writes them.
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
from fitness_tracker.video import ffmpeg, frames

FORMAT_VERSION = 1  # of the `.npz`

OUTPUT_VERSION = (ffmpeg.OUTPUT_VERSION, frames.OUTPUT_VERSION, blazepose.OUTPUT_VERSION, FORMAT_VERSION)


MAX_BYTES = 32 * 2**20  # of a file when decompressed; an hour of frames takes 11 MB

DAMAGED = (
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
    """A clip's file to an `.npz` of the corpus, as the stages resize, extract and landmarks would do it."""
    archive = frames.extract_frames(ffmpeg.resize_video(clip, CORPUS_FIT, limits), CORPUS_FPS, quality, limits)
    tracker = blazepose.pose_tracker(detector, landmarker)
    return write_corpus_landmarks(tracker.track(frames.read_zip(io.BytesIO(archive))))


def write_corpus_landmarks(landmarks: Landmarks) -> bytes:
    """A compressed `.npz` of integers, without the points of the face.

    Points are stored as differences from frame to frame, modulo the integers' size, which saves 15 % of the bytes.
    """
    arrays = to_integers(landmarks)
    for name in ("image", "world", "visibility"):
        points = np.delete(arrays[name], FACE, axis=1)
        arrays[name] = np.diff(points, axis=0, prepend=np.zeros_like(points[:1]))
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, format_version=np.array(FORMAT_VERSION), **arrays)
    return target.getvalue()


def read_corpus_landmarks(path: Path) -> Landmarks:
    """What `write_corpus_landmarks` wrote, all points of the face 0; raises `UserError` if it is something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise UserError(f"{path}: is larger than {MAX_BYTES // 2**20} MB when decompressed; {advice(path)}")
        with np.load(path, allow_pickle=False) as archive:
            version = int(archive["format_version"])
            if version != FORMAT_VERSION:
                raise UserError(f"{path}: holds landmarks of format {version}, not {FORMAT_VERSION}; {advice(path)}")
            arrays = dict(archive)
        for name in ("image", "world", "visibility"):
            points = np.cumsum(arrays[name], axis=0, dtype=arrays[name].dtype)
            arrays[name] = np.insert(points, [min(FACE)] * len(FACE), 0, axis=1)
        landmarks = from_integers(arrays)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; {advice(path)}") from None
    except DAMAGED:
        raise UserError(f"{path}: is damaged; {advice(path)}") from None
    if not len(landmarks.times):
        raise UserError(f"{path}: holds no frame; {advice(path)}")
    if not (np.diff(landmarks.times, prepend=-1) > 0).all():
        raise UserError(f"{path}: its frames are not in the order of their times; {advice(path)}")
    return landmarks


def advice(path: Path) -> str:
    return f"restore it, or take it out: python corpus/build.py --remove {path.stem}"
