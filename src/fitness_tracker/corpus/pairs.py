"""Photo pairs: the landmarks of two photos of a movement, its start and its end. They teach, and never test.

`corpus/pairs.csv` has a row for each pair, `corpus/pairs.npz` the landmarks of all, as one clip: start and end of the
first pair, start and end of the second, and so on. `corpus/build.py --pairs` makes it from the photos.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks, join_landmarks
from fitness_tracker.blazepose.tracker import PoseTracker
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import write_bytes, write_text
from fitness_tracker.core.params import CORPUS_FIT
from fitness_tracker.corpus.catalog import read_exercises, read_table
from fitness_tracker.corpus.landmarks import read_corpus_landmarks, write_corpus_landmarks
from fitness_tracker.video.letterbox import fit_frame

TABLE, LANDMARKS = "pairs.csv", "pairs.npz"
COLUMNS = ("id", "label")


@dataclass(frozen=True)
class PhotoPair:
    """Start and end of a movement."""

    id: str  # of the photos
    label: str  # what it shows
    exercise: str  # what it is taught as; 'none' if its label is untaught
    landmarks: Landmarks  # of the two photos

    @property
    def group(self) -> str:
        """Each is a group of its own."""
        return self.id


def read_pairs(corpus: Path, own: Iterable[str] = ()) -> list[PhotoPair]:
    """Those of the folder `corpus`, which may have none; a label among one's `own` exercises is taught as that.

    Raises `UserError` for a row or a file that is not as it should be.
    """
    if not (corpus / TABLE).exists():
        return []
    exercises = read_exercises(corpus) | {name: name for name in own}
    rows, landmarks = read_labels(corpus), read_corpus_landmarks(corpus / LANDMARKS)
    if len(landmarks) != 2 * len(rows) or not landmarks.found.all():
        raise UserError(f"{corpus / LANDMARKS}: does not fit the {len(rows)} rows of {TABLE}; restore both")
    return [
        PhotoPair(name, label, exercises[label], landmarks[2 * number : 2 * number + 2])
        for number, (name, label) in enumerate(rows)
    ]


def read_labels(corpus: Path) -> list[tuple[str, str]]:
    """Id and label of each row of pairs.csv; raises `UserError` that names the first bad row."""
    path, exercises = corpus / TABLE, read_exercises(corpus)
    rows: dict[str, str] = {}
    for line, row in read_table(path, COLUMNS):
        if row["id"] in rows:
            raise UserError(f"{path}, line {line}: {row['id']} is there twice; delete one of its rows")
        if row["label"] not in exercises:
            raise UserError(f"{path}, line {line}: label '{row['label']}' is not in exercises.csv; add it there")
        rows[row["id"]] = row["label"]
    return list(rows.items())


def make_pairs(corpus: Path, photos: Path, tracker: PoseTracker) -> list[str]:
    """Writes the landmarks of all rows, from `<id>__0.jpg` and `<id>__1.jpg` in the folder `photos`.

    Rows are taken out of the table, and their ids returned, if nobody is found in one of their photos. Raises
    `UserError` if a photo is missing or cannot be read.
    """
    rows, parts, lost = [], [], []
    for name, label in read_labels(corpus):
        pair = [tracker.track([(0.0, read_photo(photos / f"{name}__{number}.jpg"))]) for number in (0, 1)]
        if not all(photo.found.all() for photo in pair):
            lost.append(name)
            continue
        rows.append((name, label))
        parts += pair
    joined = join_landmarks(parts)
    write_bytes(corpus / LANDMARKS, write_corpus_landmarks(replace(joined, times=np.arange(len(joined), dtype="f4"))))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([COLUMNS, *rows])
    write_text(corpus / TABLE, table.getvalue())
    return lost


def read_photo(path: Path) -> np.ndarray:
    """(480, 640, 3) uint8 RGB, with black bars."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise UserError(f"{path}: is missing, or no photo")
    return fit_frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), CORPUS_FIT)
