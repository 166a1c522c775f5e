"""The corpus's tables: `catalog.csv` has a row for each clip; `exercises.csv` is a tree: which exercise a label is
taught as, if at all, and its family of movements."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import write_text


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
EXERCISES_COLUMNS = ("label", "exercise", "family", "why")
VISIBILITIES = ("clear", "partly", "not")  # whether the clip shows what its label says


def clips_to_teach(clips: Iterable[CorpusClip], own: Collection[str]) -> list[CorpusClip]:
    """Those that show what their label says, at least partly; a label among one's `own` exercises is taught as that."""
    shown = [clip for clip in clips if clip.visibility != "not"]
    return [replace(clip, exercise=clip.label) if clip.label in own else clip for clip in shown]


def names_of(clips: Iterable[CorpusClip]) -> set[str]:
    """All names of exercises that are in use: the labels, what they are taught as, and 'none'."""
    return {name for clip in clips for name in (clip.label, clip.exercise)} | {NONE}


def all_groups(own: Mapping[str, str], corpus: Iterable[CorpusClip]) -> dict[str, str]:
    """Clip name to group, of one's own, which are given so, and of the corpus: by name if it is also an own one.

    Else by hash, for names of the corpus are not known.
    """
    named = {short_hash(group): group for group in own.values()}
    return {**own, **{clip.name: named.get(clip.group, clip.group) for clip in corpus}}


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


def read_families(folder: Path) -> dict[str, str]:
    """The family of each label, and so of each exercise, which is a label, too."""
    return {row["label"]: row["family"] for _, row in read_table(folder / "exercises.csv", EXERCISES_COLUMNS)}


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


def advice(path: Path) -> str:
    """What to do about a bad file of landmarks, for messages; that of the photo pairs is of no single clip."""
    of_clip = path.parent.parent.name == "landmarks"
    return "restore it" + (f", or take it out: python corpus/build.py --remove {path.stem}" if of_clip else "")
