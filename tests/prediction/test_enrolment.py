"""Files of enrolled exercises, and what they do to a prediction."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.core.errors import UserError
from fitness_tracker.models.classifier import NONE
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.metric import unit_length
from fitness_tracker.prediction.enrol import vector_of
from fitness_tracker.prediction.enrolment import (
    Enrolled,
    check_free,
    check_name,
    checksum,
    describe,
    embedding_hash,
    name_enrolled,
    path_of,
    read_enrolled,
    read_folder,
    remove,
    usable,
    write_enrolled,
)
from tests.models.test_bundle import pose_classifier


@pytest.fixture(scope="module")
def classifier(networks: dict[str, bytes]) -> PoseClassifier:
    return pose_classifier(networks)


@pytest.fixture(scope="module")
def landmarks(networks: dict[str, bytes], squat):
    return pose_tracker(**networks).track(squat)


def some(name: str = "Turkish get-up", seed: int = 0, clips: int = 2, classifier: str = "ab" * 8) -> Enrolled:
    vectors = unit_length(np.random.default_rng(seed).normal(size=(clips, 2, 8))).astype(np.float32)
    return Enrolled(name, classifier, 5, None, vectors)


def keep(enrolled: Enrolled, folder: Path) -> Path:
    path = path_of(folder, enrolled.name, enrolled.classifier)
    write_enrolled(enrolled, path)
    return path


def test_a_file_holds_what_was_enrolled_and_nothing_else(tmp_path: Path) -> None:
    enrolled = some()
    write_enrolled(enrolled, tmp_path / "a.json")
    found = read_enrolled(tmp_path / "a.json")
    assert replace(found, vectors=0) == replace(enrolled, vectors=0)
    assert (found.vectors * enrolled.vectors).sum(axis=-1).min() > 0.999
    assert found.vector.shape == (2, 8)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content.keys() == {
        "format_version", "name", "classifier", "repetitions", "held_s", "members", "embeddings", "checksum"
    }  # fmt: skip
    assert (tmp_path / "a.json").stat().st_size < 1000
    assert describe(found) == "Turkish get-up: 5 repetitions of 2 clips"
    assert (
        describe(replace(some(clips=1), repetitions=None, held_s=12.5)) == "Turkish get-up: held for 12.5 s in 1 clip"
    )


def test_300_spoilt_files_are_refused_in_one_line_or_say_the_same(tmp_path: Path) -> None:
    rng, path, refused = np.random.default_rng(0), tmp_path / "a.json", 0
    write_enrolled(some(), path)
    whole = path.read_bytes()
    before = read_enrolled(path)
    for number in range(300):
        data, place = bytearray(whole), int(rng.integers(len(whole)))
        if number % 3 == 0:
            data[place] ^= int(rng.integers(1, 256))
        elif number % 3 == 1:
            del data[place:]
        else:
            data[place:place] = rng.bytes(int(rng.integers(1, 20)))
        path.write_bytes(data)
        message, found = "", before
        try:
            found = read_enrolled(path)
        except UserError as error:
            refused, message = refused + 1, str(error)
        assert message.isprintable()
        assert (found.name, found.classifier) == (before.name, before.classifier)
        assert np.array_equal(found.vectors, before.vectors)
    assert refused > 280  # but for white space


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "none"}, {"name": "a\x1b[2Jb"}, {"name": "x" * 101}, {"name": ""}, {"name": 3}, {"name": " a"},
        {"repetitions": 0}, {"repetitions": None}, {"held_s": 3.0}, {"held_s": "3"}, {"classifier": "../../etc"},
        {"members": 3}, {"members": 0}, {"members": 10**9}, {"embeddings": []}, {"embeddings": [""]},
        {"embeddings": ["A" * 24] * 2}, {"embeddings": ["AAAA", "AAAAAAAA"]}, {"embeddings": ["?"]},
        {"embeddings": ["A" * 24] * 101}, {"surprise": 1}, {"checksum": "0" * 16},
    ],
)  # fmt: skip
def test_a_file_of_somebody_who_knows_the_format_is_refused_if_its_parts_do_not_fit(
    tmp_path: Path, fields: dict
) -> None:
    path = tmp_path / "a.json"
    write_enrolled(some(), path)
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({"checksum": checksum(content)} | content | fields))
    if "checksum" not in fields:
        path.write_text(json.dumps(content | {"checksum": checksum(content)}))
    with pytest.raises(UserError, match="is damaged, or no enrolled exercise"):
        read_enrolled(path)


def test_what_is_no_file_of_ours_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b" " * (2**20 + 1)):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is damaged, or no enrolled exercise"):
            read_enrolled(path)
    with pytest.raises(UserError, match="No such file"):
        read_enrolled(tmp_path / "b.json")
    path.write_text('{"format_version": 2}')
    with pytest.raises(UserError, match="is of format 2, not 1"):
        read_enrolled(path)
    os.mkfifo(tmp_path / "pipe.json")
    for place in (tmp_path / "pipe.json", tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match="is no file"):
            read_enrolled(place)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 10_000, "", "  ", "none", "None", "a\nb", "a\x1b[31mb", "\u202ecod", "-", "\ud800", "=1+1", "@a",
        "\uff1d1", "n\u200done", "\uff4e\uff4f\uff4e\uff45", "\u200d", "\u3164", "\u2800", "\u0301",
        "Unknown-Exercise", "no exercise",
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_shown_or_means_nothing_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError, match="choose another name") as error:
        check_name(name)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    "name",
    [
        "../x", "/etc/passwd", "..", "a/b", "قرفصاء", "深蹲", "Zercher-Kniebeuge", "C:\\x", "con", "می\u200cروم",
        "🧘\u200d♀",
    ],
)  # fmt: skip
def test_any_other_name_is_one_and_stays_inside_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "enrolled"
    path = keep(replace(some(), name=check_name(name)), folder)
    assert [one.name for one in read_folder(folder)[0]] == [name]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [path]
    assert name in describe(read_folder(folder)[0][0])
    remove(folder, name)
    assert read_folder(folder) == ([], [])


def test_a_name_is_kept_once_for_a_classifier_however_it_is_written(tmp_path: Path, classifier: PoseClassifier) -> None:
    mine = some("Turkish get-up")
    with pytest.raises(UserError, match=r"fitness-tracker enrol --remove 'Turkish get-up'"):
        check_free("turkish_getup", classifier, [mine])
    assert path_of(tmp_path, "Turkish get-up", "ab" * 8) == path_of(tmp_path, "turkish_getup", "ab" * 8)
    keep(mine, tmp_path)
    keep(replace(mine, classifier="cd" * 8), tmp_path)
    assert len(read_folder(tmp_path)[0]) == 2
    write_enrolled(replace(mine, name="TURKISH GETUP"), tmp_path / "by hand.json")
    remove(tmp_path, "turkish get up")
    assert read_folder(tmp_path) == ([], [])
    with pytest.raises(UserError, match="is not enrolled"):
        remove(tmp_path, "turkish get up")
    with pytest.raises(UserError, match=r"^'\\udcff' is not enrolled; fitness-tracker enrol --list shows what is$"):
        remove(tmp_path, "\udcff")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match=r"is not enrolled; .* is damaged"):
        remove(tmp_path, "turkish get up")


def test_a_damaged_file_does_not_hide_the_others(tmp_path: Path) -> None:
    for name in ("b", "a"):
        keep(some(name), tmp_path)
    (tmp_path / "c.json").write_text("{")
    os.mkfifo(tmp_path / "pipe.json")
    found, notes = read_folder(tmp_path)
    assert [one.name for one in found] == ["a", "b"]
    assert [note.endswith("; it is left out") for note in notes] == [True, True]
    assert read_folder(tmp_path / "nowhere") == ([], [])


def test_a_folder_of_enrolled_exercises_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "enrolled").write_text("")
    assert read_folder(tmp_path / "enrolled") == (
        [], [f"{tmp_path / 'enrolled'}: Not a directory; nothing that is enrolled is used"]
    )  # fmt: skip


def test_what_is_for_another_classifier_is_left_out_with_the_command_to_type(classifier: PoseClassifier) -> None:
    good = some("a b", classifier=embedding_hash(classifier))
    enrolled = [some("ab"), some("it's"), some("IT'S"), good, replace(good, name="squat"), replace(good, name="A_B")]
    found, notes = usable(enrolled, classifier)
    assert found == [good]
    assert ["another exercise has this name" in note for note in notes] == [True, True, False]
    assert "fitness-tracker enrol 'it'\"'\"'s' CLIPS" in notes[2]
    assert usable([replace(good, name="s\u200dquat")], classifier)[0] == []
    wide = replace(good, vectors=np.ones((1, 2, 9), np.float32))  # of a file that lies about its classifier
    assert usable([wide], classifier)[0] == []


def test_another_calibration_sees_the_same_and_another_graph_does_not(classifier: PoseClassifier) -> None:
    metric = classifier.metric
    assert embedding_hash(replace(classifier, metric=replace(metric, middle=0.9))) == embedding_hash(classifier)
    assert embedding_hash(replace(classifier, metric=replace(metric, mean=metric.mean + 1))) != embedding_hash(
        classifier
    )


def enrolled_from(landmarks, classifier: PoseClassifier, name: str = "mine", held_s: float | None = None) -> Enrolled:
    vector = vector_of(landmarks, classifier)
    return Enrolled(name, embedding_hash(classifier), None if held_s else 4, held_s, vector[None])


def test_an_enrolled_movement_is_a_label_like_others(classifier: PoseClassifier, landmarks) -> None:
    plain = classifier.predict_landmarks(landmarks)
    found, wider = name_enrolled(plain, classifier, [enrolled_from(landmarks, classifier, held_s=3.0)])
    assert wider.exercises == [*classifier.exercises[:-1], "mine", NONE]
    assert wider.held == [*classifier.held, "mine"]
    assert found.frames.shape == (len(landmarks), 5)
    assert np.allclose(found.frames.sum(axis=1), 1, atol=1e-5)
    assert wider.decide_label(found)[0] == "mine"
    others = np.delete(found.probabilities, 3)
    assert np.allclose(others / others.sum(), plain.probabilities, atol=0.02)


def test_what_looks_like_nothing_enrolled_stays_as_it_was(classifier: PoseClassifier, landmarks) -> None:
    mine = enrolled_from(landmarks, classifier)
    for enrolled, shown in (
        ([], landmarks),
        ([replace(mine, vectors=-mine.vectors)], landmarks),
        ([mine], landmarks[:1]),
    ):
        before = classifier.predict_landmarks(shown)
        found, wider = name_enrolled(before, classifier, enrolled)
        assert wider.exercises == classifier.exercises
        assert np.array_equal(found.frames, before.frames)


def test_a_thousand_that_do_not_look_like_it_take_nothing_from_the_one_that_does(
    classifier: PoseClassifier, landmarks
) -> None:
    mine, metric = enrolled_from(landmarks, classifier), replace(classifier.metric, middle=0.9, slope=60.0)
    strict = replace(classifier, metric=metric)
    others = [replace(some(f"other {number}", number), classifier=embedding_hash(strict)) for number in range(999)]
    alone, _ = name_enrolled(strict.predict_landmarks(landmarks), strict, [mine])
    found, wider = name_enrolled(strict.predict_landmarks(landmarks), strict, [*others, mine])
    assert wider.exercises == [*classifier.exercises[:-1], "mine", NONE]
    assert np.allclose(found.frames, alone.frames, atol=1e-5)  # a product of other shapes rounds otherwise
