"""The photo pairs that ship, and tables and photos that are not right."""

import csv
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitness_tracker.blazepose.skeleton import FACE
from fitness_tracker.corpus.catalog import read_corpus, read_exercises
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.pairs import LANDMARKS, TABLE, read_pairs
from tests.corpus.workshop import Workshop, told
from tests.projects import ROOT

SHIPPED = ROOT / "corpus"


def test_what_ships_is_whole_and_without_faces() -> None:
    pairs = read_pairs(SHIPPED)
    assert len(pairs) > 600
    marks = read_corpus_landmarks(SHIPPED / LANDMARKS)
    assert not marks.image_landmarks[:, FACE].any()
    assert not marks.world_landmarks[:, FACE].any()
    exercises = read_exercises(SHIPPED)
    assert all(pair.exercise == exercises[pair.label] and len(pair.landmarks) == 2 for pair in pairs)


def test_every_label_is_shown_by_a_clip_or_by_a_photo_pair() -> None:
    shown = {clip.label for clip in read_corpus(SHIPPED)} | {pair.label for pair in read_pairs(SHIPPED)}
    assert shown == set(read_exercises(SHIPPED))


def test_a_label_among_ones_own_exercises_is_taught_as_that() -> None:
    pairs = {pair.label: pair.exercise for pair in read_pairs(SHIPPED, {"stretch", "hammer_curl"})}
    assert (pairs["stretch"], pairs["hammer_curl"], pairs["biceps_curl"]) == ("stretch", "hammer_curl", "biceps_curl")


def test_a_corpus_may_have_no_pairs(workshop: Workshop) -> None:
    assert read_pairs(workshop.corpus) == []


@pytest.fixture
def photos(workshop: Workshop, tmp_path: Path) -> Path:
    """Two frames of a drawn squat's clip, upright and at its lowest, as photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    capture = cv2.VideoCapture(str(workshop.videos / "squat/person01__1.mp4"))
    frames = [frame for shown, frame in iter(capture.read, (False, None)) if shown]
    for name in ("Squat", "Plank"):
        for number, place in enumerate((0, int(0.43 * len(frames)))):
            cv2.imwrite(str(folder / f"{name}__{number}.jpg"), frames[place])
    (workshop.corpus / TABLE).write_text("id,label\nSquat,squat\nPlank,plank\n")
    return folder


@pytest.mark.slow
def test_photos_become_the_landmarks_of_pairs(workshop: Workshop, photos: Path) -> None:
    cv2.imwrite(str(photos / "Plank__1.jpg"), np.zeros((480, 640, 3), np.uint8))
    done = workshop.build("--pairs", photos)
    assert done.stdout == "corpus: landmarks of all photo pairs\n  Plank: nobody is found\n", done.stderr
    assert list(csv.reader((workshop.corpus / TABLE).open())) == [["id", "label"], ["Squat", "squat"]]
    [pair] = read_pairs(workshop.corpus)
    assert (pair.id, pair.label, pair.exercise) == ("Squat", "squat", "squat")
    hips = pair.landmarks.image_landmarks[:, 23:25, 1].mean(axis=1)
    knees = pair.landmarks.image_landmarks[:, 25:27, 1].mean(axis=1)
    assert 0.6 * abs(hips - knees)[0] > abs(hips - knees)[1] > 0  # down it goes
    again = (workshop.corpus / LANDMARKS).read_bytes()
    assert workshop.build("--pairs", photos).returncode == 0
    assert (workshop.corpus / LANDMARKS).read_bytes() == again


@pytest.mark.slow
def test_a_photo_that_is_missing_is_told(workshop: Workshop, photos: Path) -> None:
    (photos / "Plank__1.jpg").write_text("no photo")
    done = workshop.build("--pairs", photos)
    assert done.returncode == 1
    assert re.fullmatch(r"corpus: \S+/Plank__1\.jpg: is missing, or no photo\n", done.stderr)
    assert not (workshop.corpus / LANDMARKS).exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id,label", "label,id", r"pairs\.csv: its first line must be id,label"),
        ("stretch", "moonwalk", r"pairs\.csv, line \d+: label 'moonwalk' is not in exercises\.csv"),
        ("\n", "\n3_4_Sit-Up,sit_up\n", r"pairs\.csv, line \d+: 3_4_Sit-Up is there twice"),
        ("\n", "\nAnother,sit_up\n", r"pairs\.npz: does not fit the \d+ rows of pairs\.csv; restore both"),
    ],
)
def test_a_table_that_is_not_right_is_told(tmp_path: Path, old: str, new: str, expected: str) -> None:
    for name in ("exercises.csv", TABLE, LANDMARKS):
        shutil.copy(SHIPPED / name, tmp_path)
    text = (tmp_path / TABLE).read_text()
    assert old in text
    (tmp_path / TABLE).write_text(text.replace(old, new, 1))
    assert re.search(expected, told(read_pairs, tmp_path))


def test_damaged_landmarks_of_pairs_are_told(tmp_path: Path) -> None:
    for name in ("exercises.csv", TABLE):
        shutil.copy(SHIPPED / name, tmp_path)
    (tmp_path / LANDMARKS).write_bytes(b"PK\x03\x04 no zip")
    assert told(read_pairs, tmp_path) == f"{tmp_path / LANDMARKS}: is damaged; restore it"
