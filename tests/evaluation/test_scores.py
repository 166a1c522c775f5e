import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.clips.folder import NONE, Clip, ClipsError, find_clips
from fitness_tracker.core.params import Cnn
from fitness_tracker.evaluation.scores import (
    ScoredClip,
    answers,
    calibration_error,
    calibration_table,
    f1_table,
    hashed_answers,
    score_clip,
    score_clips,
    scores,
    unseeing_members,
    worst_mistakes,
)
from fitness_tracker.models.classifier import Classifier, ClipUsage, Prediction, short_hash
from fitness_tracker.models.cnn.classifier import FrameClassifier, FrameMember

EXERCISES = ["lunge", "squat"]


def scored(name: str, *frames: tuple[float, float]) -> ScoredClip:
    probabilities = np.array(frames, np.float32)
    mean = probabilities.mean(axis=0)
    clip, group = Clip(name, Path(name)), name.split("/")[1].split("__")[0]
    said = Prediction(probabilities, mean)
    return ScoredClip(clip, group, clip.exercise, said, EXERCISES[mean.argmax()], float(mean.max()), float(mean.min()))


FOUR = [
    scored("lunge/a__1", (0.9, 0.1), (0.4, 0.6)),  # right: 0.65; frames: 1 of 2
    scored("lunge/b__1", (0.1, 0.9)),  # wrong, sure
    scored("squat/a__1", (0.3, 0.7)),  # right
    scored("squat/b__1", (0.6, 0.4)),  # wrong, less sure
]


def test_clips_are_judged_by_the_mean_of_their_frames() -> None:
    result = scores(FOUR, EXERCISES)
    assert result["accuracy"] == 0.5
    assert result["f1"] == 0.5  # each exercise: one right, one missed, one taken for it
    assert result["frame_accuracy"] == pytest.approx(2 / 5)
    assert result["frame_f1"] == pytest.approx((2 / 5 + 2 / 5) / 2)
    assert (result["clips"], result["groups"]) == (4, 2)
    assert result["f1_low"] <= 0.5 <= result["f1_high"]


def test_the_table_of_answers_names_nobody() -> None:
    table = hashed_answers(FOUR)
    assert sorted(table["clip"]) == list(table["clip"])
    row = table[table["clip"] == short_hash("lunge/b__1")].iloc[0]
    assert (row["group"], row["truth"], row["answer"]) == (short_hash("b"), "lunge", "squat")
    assert row["confidence"] == pytest.approx(0.9)


def test_each_exercise_counts_the_same_in_f1() -> None:
    lopsided = [scored(f"lunge/p{n}__1", (0.9, 0.1)) for n in range(9)] + [scored("squat/q__1", (0.9, 0.1))]
    result = scores(lopsided, EXERCISES)
    assert result["accuracy"] == 0.9
    assert result["f1"] == pytest.approx((18 / 19 + 0) / 2)


def test_the_surest_mistakes_come_first() -> None:
    table = answers(FOUR)
    assert worst_mistakes(table, 5)["clip"].tolist() == ["lunge/b__1", "squat/b__1"]
    assert worst_mistakes(table, 1)["predicted"].tolist() == ["squat"]


def test_f1_of_each_exercise() -> None:
    table = f1_table(answers(FOUR[:3]))
    assert table["exercise"].tolist() == EXERCISES
    assert table["f1"].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert table["clips"].tolist() == [2, 1]


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    for name in ("squat/anna__1", "squat/bob__1", "lunge/bob__1", "squat/carl__1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.zip").write_bytes(name.encode())
    return find_clips(tmp_path, (".zip",))


@pytest.fixture
def classifier(clips: list[Clip]) -> Classifier:
    """Two members for three folds: anna's and bob's are each unseen by one, carl's by none."""
    folds = {"anna": 0, "bob": 1, "carl": 2}
    usage = {}
    for clip in clips:
        group = clip.name.split("/")[1].split("__")[0]
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        usage[short_hash(clip.name)] = ClipUsage(folds[group], short_hash(group), digest)
    members = [FrameMember(None, [0, 1]), FrameMember(None, [1, 2])]
    cnn = Cnn(image_size=32, filters=[1, 1, 1], dense_units=1, dropout=0, members=2, patience_epochs=1)
    return FrameClassifier(EXERCISES, "pad", 10.0, "^(.+?)__", usage, 1.0, 1.0, cnn, members)


def test_a_clip_is_scored_by_the_members_that_never_saw_its_group(clips: list[Clip], classifier: Classifier) -> None:
    expected = {"squat/anna__1": [0], "lunge/bob__1": [1], "squat/bob__1": [1]}
    assert unseeing_members(clips, classifier) == expected


def test_a_clip_of_somebody_new_is_scored_by_all(clips: list[Clip], classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "new.zip").write_bytes(b"new")
    assert unseeing_members([Clip("lunge/dora__1", tmp_path / "new.zip")], classifier) == {"lunge/dora__1": [0, 1]}


def test_a_copy_is_scored_by_those_who_saw_neither_it_nor_its_group(clips: list[Clip], classifier: Classifier) -> None:
    known = {clip.name: clip for clip in clips}
    known["lunge/bob__1"].path.write_bytes(known["squat/bob__1"].path.read_bytes())
    assert unseeing_members(clips, classifier)["lunge/bob__1"] == [1]


@pytest.mark.parametrize("original", ["squat/anna__1", "squat/carl__1"])
def test_a_copy_of_what_all_have_seen_is_refused(clips: list[Clip], classifier: Classifier, original: str) -> None:
    """bob's group was seen by the one member, the clip by the other."""
    known = {clip.name: clip for clip in clips}
    known["squat/bob__1"].path.write_bytes(known[original].path.read_bytes())
    with pytest.raises(ClipsError, match=r"squat/bob__1\.zip: training has seen it under another name"):
        unseeing_members(clips, classifier)


@pytest.mark.parametrize(
    ("name", "message"), [("lunge/carl__2", "group 'carl'"), ("plank/dora__1", "not taught 'plank'")]
)
def test_a_new_clip_of_a_seen_group_or_of_an_untaught_exercise_is_refused(
    clips: list[Clip], classifier: Classifier, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "new.zip").write_bytes(b"new")
    with pytest.raises(ClipsError, match=message):
        unseeing_members([*clips, Clip(name, tmp_path / "new.zip")], classifier)


def test_a_seen_clip_with_new_frames_is_refused(clips: list[Clip], classifier: Classifier) -> None:
    next(clip for clip in clips if "carl" in clip.name).path.write_bytes(b"extracted anew")
    with pytest.raises(ClipsError, match="group 'carl'"):
        unseeing_members(clips, classifier)


def test_nothing_unseen_is_told(clips: list[Clip], classifier: Classifier) -> None:
    with pytest.raises(ClipsError, match="seen every clip"):
        unseeing_members([clip for clip in clips if "carl" in clip.name], classifier)


def test_a_clip_without_landmarks_is_told(clips: list[Clip], classifier: Classifier) -> None:
    with pytest.raises(ClipsError, match=r"landmarks are missing"):
        score_clips(clips, classifier, {})


def test_an_answer_of_none_is_wrong_for_a_clip_of_an_exercise() -> None:
    rejected = ScoredClip(FOUR[0].clip, "a", "lunge", FOUR[0].prediction, "none", 0.9, 0.9)
    result = scores([rejected, *FOUR[1:]], EXERCISES)
    assert result["accuracy"] == 0.25


def test_confidence_that_is_right_as_often_as_it_says_has_no_error() -> None:
    confidence = np.array([0.75] * 4 + [0.5] * 2)
    right = np.array([True, True, True, False, True, False])
    assert calibration_error(confidence, right) == pytest.approx(0)
    table = calibration_table(confidence, right)
    assert table["answers"].tolist() == [2, 4]
    assert table["accuracy"].tolist() == [0.5, 0.75]


def test_the_calibration_error_is_the_mean_gap_between_confidence_and_accuracy() -> None:
    confidence = np.array([1.0, 1.0, 0.1, 0.1])  # always sure and right half the time; hardly sure and always right
    right = np.array([True, False, True, True])
    assert calibration_error(confidence, right) == pytest.approx((0.5 + 0.9) / 2)


def test_none_is_right_for_what_training_knew_but_was_not_to_teach(clips: list[Clip], classifier: Classifier) -> None:
    only = dataclasses.replace(classifier, exercises=["squat", NONE], none_threshold=0.4)
    unsure = Prediction(np.array([[0.5, 0.5]], np.float32), np.array([0.5, 0.5], np.float32))
    lunge = next(clip for clip in clips if clip.exercise == "lunge")
    one = score_clip(lunge, "bob", lunge.exercise, unsure, only)
    assert (one.clip.name, one.truth, one.predicted) == ("lunge/bob__1", NONE, NONE)
    assert unseeing_members(clips, only)[lunge.name] == [1]
    squat = score_clip(lunge, "anna", "squat", unsure, only)
    assert scores([one, squat], only.exercises)["accuracy"] == 0.5
    assert answers([one])["clip"].tolist() == ["lunge/bob__1"]  # so that its picture is found
