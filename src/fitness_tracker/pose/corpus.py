"""The corpus: landmarks of real clips that ship with the project, without those of the face.

`<folder>/catalog.csv` has a row for each clip, `<folder>/landmarks/<label>/<id>.npz` its landmarks, and
`<folder>/exercises.csv` says which exercise a label is taught as, if any. `corpus/build.py` writes them.
"""

import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from fitness_tracker.clips.corpus import CorpusClip
from fitness_tracker.clips.folder import NONE
from fitness_tracker.errors import UserError
from fitness_tracker.files import write_text
from fitness_tracker.params import CORPUS_FIT, CORPUS_FPS, Limits
from fitness_tracker.pose import blazepose
from fitness_tracker.pose.landmarks import Landmarks, from_integers, read_landmarks, to_integers
from fitness_tracker.pose.skeleton import FACE
from fitness_tracker.video import ffmpeg, frames

FORMAT_VERSION = 1  # of the `.npz`

OUTPUT_VERSION = (ffmpeg.OUTPUT_VERSION, frames.OUTPUT_VERSION, blazepose.OUTPUT_VERSION, FORMAT_VERSION)

CATALOG = ("id", "label", "group", "source", "seconds", "view", "visibility", "sha256")  # columns
EXERCISES = ("label", "exercise", "why")

VISIBILITIES = ("clear", "partly", "not")  # whether the clip shows what its label says

MAX_BYTES = 32 * 2**20  # of a file when decompressed; an hour of frames takes 11 MB

DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


def corpus_to_teach(folder: Path, own: Mapping[str, Path], tell: Callable[[str], None]) -> list[CorpusClip]:
    """The clips of the corpus that show what their label says, all or partly, with what they are taught as.

    `own` are one's own clips, name to the file of their landmarks. What is a folder of one's own is an exercise, in the
    corpus too. A clip that is one's own too, which its landmarks tell, is left out, and `tell` is given a line. Raises
    `UserError` for every file that is not as it should be.
    """
    exercises = {name.split("/")[0] for name in own}
    known = {landmarks_hash(read_landmarks(path)): name for name, path in own.items()}
    taught = []
    for clip in read_corpus(folder):
        digest = landmarks_hash(read_corpus_landmarks(clip.path))
        same = known.get(digest) if digest else None
        if same:
            tell(f"{same}: is clip {clip.id} of the corpus, too; it counts once, as yours")
        elif clip.visibility != "not":
            taught.append(replace(clip, exercise=clip.label) if clip.label in exercises else clip)
    return taught


def landmarks_hash(landmarks: Landmarks) -> str:
    """A hash of the world landmarks without the face, the same for the same clip; empty if nobody is found."""
    if not landmarks.found.any():
        return ""
    world = np.delete(to_integers(landmarks)["world"], FACE, axis=1)
    return hashlib.sha256(world.tobytes()).hexdigest()


def read_corpus(folder: Path) -> list[CorpusClip]:
    """The clips, sorted by label and id; raises `UserError` if files and catalog are not of one another."""
    clips = read_catalog(folder)
    for clip in clips:
        if not clip.path.is_file():
            raise UserError(f"{clip.path}: is missing; {advice(clip.path)}")
    strays = set((folder / "landmarks").rglob("*.npz")) - {clip.path for clip in clips}
    if strays:
        raise UserError(f"{min(strays)}: has no row with this label in {folder / 'catalog.csv'}; delete it or add one")
    return clips


def read_catalog(folder: Path) -> list[CorpusClip]:
    """The rows of the catalog; raises `UserError` that names the first bad one."""
    path, exercises = folder / "catalog.csv", read_exercises(folder)
    clips: dict[str, CorpusClip] = {}
    for line, row in read_table(path, CATALOG):
        for wrong, reason in (
            (not re.fullmatch("[0-9a-f]{64}", row["sha256"]), "sha256 must be 64 hex digits"),
            (row["id"] != row["sha256"][:16], "id must be the first 16 digits of sha256"),
            (row["id"] in clips, f"{row['id']} is there twice; delete one of its rows"),
            (row["label"] not in exercises, f"label '{row['label']}' is not in exercises.csv; add it there"),
            (row["visibility"] not in VISIBILITIES, f"visibility '{row['visibility']}' must be clear, partly or not"),
            (not re.fullmatch(r"\d+(\.\d+)?", row["seconds"]), f"seconds '{row['seconds']}' must be a number"),
        ):
            if wrong:
                raise UserError(f"{path}, line {line}: {reason}")
        clips[row["id"]] = CorpusClip(
            id=row["id"],
            label=row["label"],
            exercise=exercises[row["label"]],
            group=row["group"],
            source=row["source"],
            seconds=float(row["seconds"]),
            view=row["view"],
            visibility=row["visibility"],
            sha256=row["sha256"],
            path=landmarks_path(folder, row["label"], row["id"]),
        )
    return sorted(clips.values(), key=lambda clip: (clip.label, clip.id))


def write_catalog(folder: Path, clips: Iterable[CorpusClip]) -> None:
    target = io.StringIO()
    table = csv.DictWriter(target, CATALOG, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(vars(clip) for clip in sorted(clips, key=lambda clip: (clip.label, clip.id)))
    write_text(folder / "catalog.csv", target.getvalue())


def read_exercises(folder: Path) -> dict[str, str]:
    """What each label is taught as: an exercise, or 'none'."""
    rows = [row for _, row in read_table(folder / "exercises.csv", EXERCISES)]
    return {row["label"]: row["exercise"] or NONE for row in rows}


def read_table(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers; raises `UserError` if it is not one of these columns."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, restkey="")
            rows = [(table.line_num, row) for row in table]
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; restore it") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no table in UTF-8 ({error}); restore it") from None
    if tuple(table.fieldnames or ()) != columns:
        raise UserError(f"{path}: its first line must be {','.join(columns)}")
    for line, row in rows:
        if "" in row or None in row.values():
            raise UserError(f"{path}, line {line}: must have {len(columns)} fields: {','.join(columns)}")
    return rows


def landmarks_path(folder: Path, label: str, id: str) -> Path:  # noqa: A002
    return folder / "landmarks" / label / f"{id}.npz"


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
