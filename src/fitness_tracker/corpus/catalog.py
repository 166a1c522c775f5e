"""The corpus's tables: `catalog.csv` has a row for each clip, `exercises.csv` what a label is taught as, if at all."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import write_text
from fitness_tracker.corpus.landmarks import advice, landmarks_hash, read_corpus_landmarks


@dataclass(frozen=True)
class CorpusClip:
    """One clip of the corpus."""

    id: str  # the first 16 hex digits of `sha256`
    label: str  # what it shows
    exercise: str  # what it is taught as; 'none' if its label is untaught
    group: str  # `short_hash` of its name
    source: str  # `short_hash` of its name
    seconds: float
    view: str  # where the camera stands: front, side, back, oblique, unknown; empty if nobody looked
    visibility: str  # clear, partly or not
    sha256: str  # of the clip's file
    path: Path  # of its landmarks

    @property
    def name(self) -> str:
        """As those of one's own clips, `Clip.name`: the exercise comes first."""
        return f"{self.exercise}/{self.label}/{self.id}"


CATALOG_COLUMNS = ("id", "label", "group", "source", "seconds", "view", "visibility", "sha256")
EXERCISES_COLUMNS = ("label", "exercise", "why")
VISIBILITIES = ("clear", "partly", "not")  # whether the clip shows what its label says


def corpus_to_teach(folder: Path, own: Mapping[str, Path], tell: Callable[[str], None]) -> list[CorpusClip]:
    """The clips of the corpus to train on: those that show what their label says, at least partly.

    `own` maps the names of one's own clips to the files of their landmarks. A label that is also one of their exercises
    is taught as that. A clip with the landmarks of one's own is left out, and `tell` is called with a line about it.
    Raises `UserError` for a file that is not as it should be.
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


def read_corpus(folder: Path) -> list[CorpusClip]:
    """The clips, sorted by label and id; raises `UserError` if a file or a row of the catalog lacks the other."""
    clips = read_catalog(folder)
    for clip in clips:
        if not clip.path.is_file():
            raise UserError(f"{clip.path}: is missing; {advice(clip.path)}")
    strays = set((folder / "landmarks").rglob("*.npz")) - {clip.path for clip in clips}
    if strays:
        raise UserError(f"{min(strays)}: has no row with this label in {folder / 'catalog.csv'}; delete it or add one")
    return clips


def read_catalog(folder: Path) -> list[CorpusClip]:
    """The clips by the rows of the catalog, sorted by label and id; raises `UserError` that names the first bad row."""
    path, exercises = folder / "catalog.csv", read_exercises(folder)
    clips: dict[str, CorpusClip] = {}
    for line, row in read_table(path, CATALOG_COLUMNS):
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
        fields: dict[str, Any] = {**row, "seconds": float(row["seconds"]), "exercise": exercises[row["label"]]}
        clips[row["id"]] = CorpusClip(**fields, path=landmarks_path(folder, row["label"], row["id"]))
    return sorted(clips.values(), key=lambda clip: (clip.label, clip.id))


def write_catalog(folder: Path, clips: Iterable[CorpusClip]) -> None:
    """Writes the rows of the catalog, sorted by label and id."""
    target = io.StringIO()
    table = csv.DictWriter(target, CATALOG_COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(vars(clip) for clip in sorted(clips, key=lambda clip: (clip.label, clip.id)))
    write_text(folder / "catalog.csv", target.getvalue())


def read_exercises(folder: Path) -> dict[str, str]:
    """What each label is taught as: an exercise, or 'none'."""
    rows = [row for _, row in read_table(folder / "exercises.csv", EXERCISES_COLUMNS)]
    return {row["label"]: row["exercise"] or NONE for row in rows}


def read_table(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers; raises `UserError` if it does not have exactly these columns."""
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


def landmarks_path(folder: Path, label: str, clip_id: str) -> Path:
    return folder / "landmarks" / label / f"{clip_id}.npz"
