"""Exercises of one's own: what is kept of them, in a small file each, and how a clip gets their names.

A file holds the name, an embedding of each clip, and how much was shown; no picture, no landmarks, no path. It is good
for one classifier, and may come from somebody else.
"""

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fitness_tracker.answering.answer import Answer
from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.clips.names import canonical
from fitness_tracker.core.errors import JOINERS, UserError, printable
from fitness_tracker.core.files import write_text
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.models.pose.classifier import PoseClassifier, PosePrediction, ask
from fitness_tracker.models.pose.features import cut_windows, tracks_from_landmarks
from fitness_tracker.models.pose.metric import mean_vector, similarity, unit_length

FORMAT_VERSION = 1
MAX_NAME = 100  # characters
MAX_CLIPS = 100
MAX_BYTES = 2**20  # of a file; an embedding of ten members of 128 units takes 1.7 kB
# Probability: who is not as likely in any window is left out of the answer, so that a thousand cost little
LEAST = 0.05
FORMULA_STARTS = ("=", "+", "-", "@")  # of a cell of CSV: OWASP, 'CSV injection'
# Characters that show nothing, though Unicode calls them letters or symbols: Hangul fillers, and an empty Braille cell
BLANK = "\u115f\u1160\u3164\uffa0\u2800"
OWN_WORDS = (NONE, "unknown exercise", "no exercise")  # that answers use


@dataclass(frozen=True)
class Enrolled:
    """An exercise that was enrolled."""

    name: str
    classifier: str  # `embedding_hash` of the one that it is good for
    repetitions: int | None  # that were shown, in all clips; None: it is held
    held_s: float | None  # seconds
    vectors: np.ndarray  # (clips, M, U) float32: of each clip the mean of `Metric.vectors`, of length 1 for each member

    @cached_property
    def vector(self) -> np.ndarray:
        """(M, U) float32."""
        return mean_vector(self.vectors)


class Fields(BaseModel):
    """The fields of a file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    format_version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    classifier: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    repetitions: Annotated[int, Field(ge=1, le=10**6)] | None
    held_s: Annotated[float, Field(gt=0, le=10**6)] | None
    members: Annotated[int, Field(ge=1, le=100)]
    embeddings: Annotated[list[str], Field(min_length=1, max_length=MAX_CLIPS)]  # base64 of int8
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


def embedding_hash(classifier: Classifier) -> str:
    """The same for classifiers that see the same in a clip; raises `UserError` if it does not read poses."""
    if not isinstance(classifier, PoseClassifier):
        raise UserError(
            "this classifier knows pictures, no movements; enrolling takes one that `train.model: pose` made"
        )
    metric = classifier.metric
    content = (classifier.graph.content, metric.mean.tobytes(), metric.whitening.tobytes())
    return hashlib.sha256(b"".join(content)).hexdigest()[:16]


def check_name(name: str) -> str:
    """The name, composed and without space around it; raises `UserError` if no exercise can be called so."""
    tidy = unicodedata.normalize("NFC", name).strip()
    reasons = (
        (all(unicodedata.category(char)[0] == "M" for char in as_read(tidy)), "is no name"),
        (len(tidy) > MAX_NAME, f"has more than {MAX_NAME} characters"),
        (printable(tidy) != tidy, "has characters that cannot be shown"),
        (unicodedata.normalize("NFKC", tidy)[:1] in FORMULA_STARTS, "begins as a spreadsheet's formula does"),
        (as_read(tidy) in map(as_read, OWN_WORDS), "is what answers say of other things"),
    )
    for wrong, reason in reasons:
        if wrong:
            raise UserError(f"{tidy[:40]!r} {reason}; choose another name")
    return tidy


def as_read(name: str) -> str:
    """`canonical`, of full-width forms as of others, and without what cannot be seen: the same for names that look so.

    Letters of other scripts that look alike stay different.
    """
    return canonical(unicodedata.normalize("NFKC", "".join(char for char in name if char not in JOINERS + BLANK)))


def write_enrolled(enrolled: Enrolled, path: Path) -> None:
    fields = {
        "format_version": FORMAT_VERSION, "name": enrolled.name, "classifier": enrolled.classifier,
        "repetitions": enrolled.repetitions, "held_s": enrolled.held_s, "members": enrolled.vectors.shape[1],
        "embeddings": [base64.b64encode(to_integers(vector)).decode() for vector in enrolled.vectors],
    }  # fmt: skip
    fields["checksum"] = checksum(fields)
    write_text(path, json.dumps(fields, indent=2, ensure_ascii=False) + "\n")


def to_integers(vector: np.ndarray) -> bytes:
    """(M, U) float32 to int8; it is the direction that counts."""
    return np.rint(vector * (127 / max(float(np.abs(vector).max()), 1e-9))).astype(np.int8).tobytes()


def checksum(fields: dict[str, object]) -> str:
    content = {name: value for name, value in fields.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_enrolled(path: Path) -> Enrolled:
    """Raises `UserError` if the file cannot be read, or is not as it was written."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("is no file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError("too large")
        content = json.loads(data)
        if isinstance(content, dict) and content.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
            raise OSError(f"is of format {printable(content['format_version'])[:20]}, not {FORMAT_VERSION}")
        fields = Fields.model_validate(content)
        if fields.checksum != checksum(content) or check_name(fields.name) != fields.name:
            raise ValueError("not what was saved")
        rows = [base64.b64decode(row, validate=True) for row in fields.embeddings]
        vectors = np.frombuffer(b"".join(rows), np.int8).reshape(len(rows), fields.members, -1).astype(np.float32)
        other = len(set(map(len, rows))) > 1 or (fields.repetitions is None) == (fields.held_s is None)
        if other or not vectors.any(axis=2).all():
            raise ValueError("parts that do not fit")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except (ValueError, TypeError, RecursionError, MemoryError, UserError):
        raise UserError(f"{path}: is damaged, or no enrolled exercise") from None
    return Enrolled(fields.name, fields.classifier, fields.repetitions, fields.held_s, unit_length(vectors))


def enrolled_folder() -> Path:
    """Where exercises are kept that are enrolled without `--to`."""
    import platformdirs  # only where somebody may have enrolled

    return platformdirs.user_data_path("fitness-tracker", appauthor=False) / "enrolled"


def path_of(folder: Path, name: str, classifier: str) -> Path:
    """One for each name and `embedding_hash`; names that are read as one are one, and no character reaches the disk."""
    return folder / f"{short_hash(classifier + as_read(name))}.json"


def read_files(folder: Path) -> tuple[dict[Path, Enrolled], list[str]]:
    """What is enrolled in a folder, by file; and a line for each file that cannot be read."""
    found, notes = {}, []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        paths = []
    except OSError as error:
        return {}, [f"{folder}: {error.strerror or error}; nothing that is enrolled is used"]
    for path in paths:
        try:
            found[path] = read_enrolled(path)
        except UserError as error:
            notes.append(f"{error}; it is left out")
    return found, notes


def read_folder(folder: Path) -> tuple[list[Enrolled], list[str]]:
    """What is enrolled there, sorted by name; and a line for each file that cannot be read."""
    found, notes = read_files(folder)
    return sorted(found.values(), key=lambda one: one.name), notes


def remove(folder: Path, name: str) -> None:
    """For each classifier. Raises `UserError` if nothing is enrolled under the name."""
    found, notes = read_files(folder)
    paths = [path for path, one in found.items() if as_read(one.name) == as_read(name)]
    if not paths:
        unread = f"; {notes[0]}" if notes else ""
        raise UserError(f"{name[:40]!r} is not enrolled; fitness-tracker enrol --list shows what is{unread}")
    for path in paths:
        path.unlink()


def check_free(name: str, classifier: Classifier, enrolled: Iterable[Enrolled]) -> None:
    """Raises `UserError` if an exercise is called so, or nearly so."""
    known = {one.name for one in enrolled}
    for names, what in ((known, "enrolled"), (set(classifier.exercises) - {NONE}, "taught")):
        for other in sorted(names):
            if as_read(other) == as_read(name):
                command = f"forget that first: fitness-tracker enrol --remove {quote(other)}"
                advice = command if names is known else "one's own takes another name"
                raise UserError(f"{other!r} is {what} already; {advice}")


def describe(enrolled: Enrolled) -> str:
    """'Turkish get-up: 5 repetitions of 2 clips', or '… held for 12.5 s in 1 clip'."""
    clips, times = len(enrolled.vectors), enrolled.repetitions
    of_clips = f"{clips} clip{'s' * (clips != 1)}"
    if times is None:
        return f"{printable(enrolled.name)}: held for {enrolled.held_s:g} s in {of_clips}"
    return f"{printable(enrolled.name)}: {times} repetition{'s' * (times != 1)} of {of_clips}"


def usable(enrolled: Sequence[Enrolled], classifier: Classifier) -> tuple[list[Enrolled], list[str]]:
    """Those that are good for the classifier; and a line for each other one, with the command to type.

    Of one that is enrolled for this classifier, too, there is nothing to tell.
    """
    wanted: tuple = ()
    if enrolled and isinstance(classifier, PoseClassifier):
        wanted = (embedding_hash(classifier), classifier.graph.members, classifier.graph.units)
    good, notes, known = [], [], set(map(as_read, classifier.exercises))
    fits = [(one.classifier, *one.vectors.shape[1:]) == wanted for one in enrolled]
    for one in compress(enrolled, fits):
        if as_read(one.name) in known:
            notes.append(f"{one.name!r} is left out: another exercise has this name")
        else:
            good.append(one)
            known.add(as_read(one.name))
    for one in enrolled:
        if as_read(one.name) not in known:
            known.add(as_read(one.name))
            command = f"fitness-tracker enrol {quote(one.name)} CLIPS"
            notes.append(f"{one.name!r} was enrolled for another classifier; enrol it again: {command}")
    return good, notes


def check_usable(enrolled: Sequence[Enrolled], classifier: Classifier) -> None:
    """Raises `UserError` if one is not good for the classifier."""
    for note in usable(enrolled, classifier)[1]:
        raise UserError(note)


def name_enrolled(
    prediction: PosePrediction, classifier: PoseClassifier, enrolled: Sequence[Enrolled]
) -> tuple[PosePrediction, PoseClassifier]:
    """The prediction with the enrolled exercises among its labels, and the classifier that has these labels.

    Of each window the nearest enrolled exercise gets its probability, and all labels of the classifier share the rest.
    So many that are enrolled take no more from the taught ones than one does. A single picture shows no movement.
    """
    landmarks, graph = prediction.landmarks, classifier.graph
    if len(landmarks) < 2 or not landmarks.found.any() or not enrolled:
        return prediction, classifier
    movements, parts = np.stack([one.vector for one in enrolled]), []
    for windows in cut_windows(tracks_from_landmarks(landmarks), classifier.window):
        outputs = ask(graph, windows)
        cosines = similarity(classifier.metric.vectors(outputs.embedding), movements)
        nearest = cosines.argmax(axis=1)
        likely = classifier.metric.probability(cosines.max(axis=1))
        parts.append((classifier.mean_of(outputs.probabilities, None), nearest, likely))
    taught, nearest, likely = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    shown = np.unique(nearest[likely >= LEAST])
    own = likely[:, None] * (nearest[:, None] == shown)  # (N, shown)
    rest = taught * (1 - own.sum(axis=1, keepdims=True))
    merged = np.concatenate([rest[:, :-1], own, rest[:, -1:]], axis=1).astype(np.float32)
    named = [enrolled[place] for place in shown]
    wider = replace(
        classifier,
        exercises=[*classifier.exercises[:-1], *(one.name for one in named), NONE],
        held=[*classifier.held, *(one.name for one in named if one.held_s is not None)],
    )
    return wider.average(merged, landmarks), wider


def mark_enrolled(answer: Answer, enrolled: Iterable[Enrolled]) -> Answer:
    """The same, which says of enrolled exercises that they are."""
    names = {one.name for one in enrolled}
    segments = tuple(replace(segment, enrolled=segment.exercise in names) for segment in answer.segments)
    return replace(answer, segments=segments, enrolled=answer.exercise in names)
