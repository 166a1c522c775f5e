"""Landmarks without faces, and files that hold none."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, from_integers, to_integers
from fitness_tracker.blazepose.skeleton import FACE
from fitness_tracker.corpus.landmarks import FILE_VERSION, MAX_NPZ_BYTES, read_corpus_landmarks, write_corpus_landmarks
from tests.corpus.workshop import told


@pytest.fixture
def landmarks() -> Landmarks:
    random = np.random.default_rng(0)
    image = np.concatenate([random.uniform(-4000, 4000, (6, 33, 3)), random.uniform(0, 1, (6, 33, 1))], axis=-1)
    found = np.array([True, False, True, True, True, True])
    rough = Landmarks(image, random.uniform(-8, 8, (6, 33, 3)), np.arange(6, dtype=np.float32) / 10, found)
    return from_integers(to_integers(rough))


def test_all_but_the_face_and_the_turns_is_read_as_it_was_written(landmarks: Landmarks, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(write_corpus_landmarks(replace(landmarks, turns=np.full(6, 3, np.uint8))))
    landmarks.image_landmarks[:, FACE] = landmarks.world_landmarks[:, FACE] = 0
    read = read_corpus_landmarks(path)
    for name, array in vars(landmarks).items():
        np.testing.assert_array_equal(getattr(read, name), array, strict=True)
    assert write_corpus_landmarks(read) == path.read_bytes()


def changed(data: bytes, **changes: object) -> bytes:
    """The `.npz` with other arrays, compressed."""
    target = io.BytesIO()
    with np.load(io.BytesIO(data)) as arrays:
        np.savez_compressed(target, **(dict(arrays) | changes))  # type: ignore[arg-type]
    return target.getvalue()


def claiming(size: int) -> bytes:
    """A small `.npz` whose `times` claim to be that many values."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in (("format_version", ()), ("times", (size,))):
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "<i8", "fortran_order": False, "shape": shape})
            archive.writestr(f"{name}.npy", head.getvalue() + np.int64(FILE_VERSION).tobytes())
    return target.getvalue()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda data: b"", "is damaged"),
        (lambda data: b"rubbish", "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:600] + bytes(100) + data[700:], "is damaged"),
        (lambda data: changed(data, image=np.zeros((6, 33, 3), np.int16)), "is damaged"),
        (lambda data: changed(data, image=np.zeros((6, 23, 3), np.int32)), "is damaged"),
        (lambda data: changed(data, world=0), "is damaged"),
        (lambda data: changed(data, found=np.array([None])), "is damaged"),
        (lambda data: changed(data, format_version=2), "holds landmarks of format 2, not 3"),
        (
            lambda data: changed(data, times=np.array([0, 0.1, 0.3, 0.2, 0.4, 0.5], np.float32)),
            "its frames are not in the order of their times",
        ),
        (lambda data: changed(data, times=np.full(6, np.nan, np.float32)), "its frames are not in the order of"),
        (lambda data: changed(data, more=np.zeros(MAX_NPZ_BYTES, np.uint8)), "is larger than 32 MB when decompressed"),
        (lambda data: claiming(10**6), "is damaged"),
        (lambda data: claiming(10**14), "is damaged"),
        (lambda data: claiming(10**30), "is damaged"),
    ],
)
def test_a_file_that_holds_no_landmarks_is_told(
    landmarks: Landmarks, tmp_path: Path, damage: Callable[[bytes], bytes], expected: str
) -> None:
    path = tmp_path / "landmarks/01/0123456789abcdef.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(damage(write_corpus_landmarks(landmarks)))
    message = told(read_corpus_landmarks, path)
    assert message.startswith(f"{path}: {expected}")
    assert message.endswith("restore it, or take it out: python corpus/build.py --remove 0123456789abcdef")


def test_a_file_without_frames_or_that_is_not_there_is_told(landmarks: Landmarks, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    assert told(read_corpus_landmarks, path).startswith(f"{path}: No such file or directory; ")
    empty = landmarks[:0]
    path.write_bytes(write_corpus_landmarks(empty))
    assert told(read_corpus_landmarks, path).startswith(f"{path}: holds no frame; ")
