"""The corpus that ships, and tables that are not right."""

import csv
import re
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import write_landmarks
from fitness_tracker.blazepose.skeleton import FACE
from fitness_tracker.clips.folder import NONE
from fitness_tracker.clips.names import nearly_same
from fitness_tracker.corpus.catalog import read_corpus, read_exercises
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.teaching import corpus_to_teach
from tests.corpus.workshop import Workshop, told
from tests.projects import ROOT

SHIPPED = ROOT / "corpus"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id,label", "label,id", r"catalog\.csv: its first line must be id,label,group,"),
        (",plank,", ",plank,more,", r"catalog\.csv, line 2: must have 8 fields"),
        (",plank,", ",", r"catalog\.csv, line 2: must have 8 fields"),
        (",squat,", ",moonwalk,", r"catalog\.csv, line 3: label 'moonwalk' is not in exercises\.csv"),
        (",clear,", ",maybe,", r"catalog\.csv, line 2: visibility 'maybe' must be clear, partly or not"),
        (".0,,", ".x,,", r"catalog\.csv, line \d: seconds '\d\.x' must be a number"),
        (",clear,", ",clear,x", r"catalog\.csv, line 2: sha256 must be 64 hex digits"),
    ],
)
def test_a_bad_row_is_told(workshop: Workshop, old: str, new: str, expected: str) -> None:
    workshop.edit(old, new)
    assert re.search(expected, told(read_corpus, workshop.corpus))


def test_rows_that_are_not_of_one_another_are_told(workshop: Workshop) -> None:
    plank, squat = workshop.clip("plank"), workshop.clip("squat")
    catalog = (workshop.corpus / "catalog.csv").read_text()
    (workshop.corpus / "catalog.csv").write_text(catalog + catalog.splitlines()[1] + "\n")
    assert f"catalog.csv, line 4: {plank.id} is there twice" in told(read_corpus, workshop.corpus)
    (workshop.corpus / "catalog.csv").write_text(catalog.replace(plank.id, squat.id, 1))
    assert "catalog.csv, line 2: id must be the first 16 digits of sha256" in told(read_corpus, workshop.corpus)


@pytest.mark.parametrize("name", ["catalog.csv", "exercises.csv"])
def test_a_missing_or_unreadable_table_is_told(workshop: Workshop, name: str) -> None:
    (workshop.corpus / name).write_bytes(b"\xff\xfe")
    assert f"{name}: is no table in UTF-8" in told(read_corpus, workshop.corpus)
    (workshop.corpus / name).unlink()
    assert f"{name}: No such file or directory; restore it" in told(read_corpus, workshop.corpus)


def test_a_row_without_file_and_a_file_without_row_are_told(workshop: Workshop) -> None:
    path = workshop.clip("squat").path
    stray = path.rename(path.with_name("stray.npz"))
    assert told(read_corpus, workshop.corpus).startswith(f"{path}: is missing; ")
    shutil.copy(stray, path)
    assert told(read_corpus, workshop.corpus).startswith(f"{stray}: has no row with this label in ")


def test_what_ships_is_whole_small_and_without_faces() -> None:
    clips = read_corpus(SHIPPED)
    assert len(clips) > 1300
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= 20e6
    for clip in clips:
        with np.load(clip.path) as arrays:
            assert {arrays[name].shape[1] for name in ("image", "world", "visibility")} == {33 - len(FACE)}
        read = read_corpus_landmarks(clip.path)
        assert not read.image_landmarks[:, FACE].any()
        assert not read.world_landmarks[:, FACE].any()
        assert clip.seconds == pytest.approx(len(read.times) / 10)


def test_what_ships_names_nobody() -> None:
    for clip in read_corpus(SHIPPED):
        assert re.fullmatch("[0-9a-f]{16} [0-9a-f]{16}", f"{clip.group} {clip.source}")
        assert clip.view in ("", "front", "side", "back", "oblique", "unknown")


def test_four_groups_or_more_show_what_is_taught() -> None:
    groups = defaultdict(set)
    for clip in read_corpus(SHIPPED):
        if clip.visibility != "not":
            groups[clip.exercise].add(clip.group)
    assert set(groups) == set(read_exercises(SHIPPED).values())
    assert len(groups) > 32
    assert {exercise for exercise, members in groups.items() if len(members) < 4} == set()


def test_every_label_has_a_reason_or_is_taught_as_itself() -> None:
    with (SHIPPED / "exercises.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows]
    assert labels == sorted(set(labels))
    assert [row for row in rows if row["exercise"] != row["label"] and not row["why"]] == []
    assert all(row["family"] for row in rows)
    groups = {label: {clip.group for clip in read_corpus(SHIPPED) if clip.label == label} for label in labels}
    few = {label for label in labels if 0 < len(groups[label]) < 4}
    assert few >= {row["label"] for row in rows if row["why"] == "fewer than 4 groups"}
    untaught = {row["label"] for row in rows if not row["exercise"]}
    assert few & untaught == {row["label"] for row in rows if row["why"] == "fewer than 4 groups"}
    assert {row["label"] for row in rows if row["why"] == "photo pairs only"} == set(labels) - {
        label for label in labels if groups[label]
    }


@pytest.mark.slow
def test_what_is_taught_depends_on_ones_own_folders_and_a_clip_counts_once(tmp_path: Path) -> None:
    clips = read_corpus(SHIPPED)
    copied = next(clip for clip in clips if clip.label == "calf_raise" and clip.visibility == "clear")
    own = {"calf_raise/me__1": tmp_path / "1.npz"}
    own["calf_raise/me__1"].write_bytes(write_landmarks(read_corpus_landmarks(copied.path)))
    told: list[str] = []
    taught = corpus_to_teach(SHIPPED, own, told.append)
    assert told == [f"calf_raise/me__1: is clip {copied.id} of the corpus, too; it counts once, as yours"]
    assert len(taught) == sum(clip.visibility != "not" for clip in clips) - 1
    exercises = {clip.label: clip.exercise for clip in taught}
    assert (exercises["hammer_curl"], exercises["calf_raise"], exercises["wall_sit"]) == (
        "biceps_curl",
        "calf_raise",
        NONE,
    )


def test_folders_that_are_named_almost_like_an_exercise_of_the_corpus_are_told(tmp_path: Path) -> None:
    own = {}
    for folder, label in (("Squat", "squat"), ("Push-Up", "push_up"), ("plank", "plank")):
        clip = next(clip for clip in read_corpus(SHIPPED) if clip.label == label)
        own[f"{folder}/person01__1"] = tmp_path / f"{label}.npz"
        own[f"{folder}/person01__1"].write_bytes(write_landmarks(read_corpus_landmarks(clip.path)))
    told: list[str] = []
    corpus_to_teach(SHIPPED, own, told.append)
    assert told[:2] == [
        "Push-Up: is taught as another exercise than 'push_up'; if it is the same, rename the folder",
        "Squat: is taught as another exercise than 'squat'; if it is the same, rename the folder",
    ]
    assert all("it counts once, as yours" in line for line in told[2:])


def test_no_two_labels_are_read_as_one() -> None:
    labels = read_exercises(SHIPPED).keys()
    assert [label for label in labels if nearly_same(label, labels - {label})] == []
