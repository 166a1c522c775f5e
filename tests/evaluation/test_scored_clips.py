import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.clips.folder import NONE, Clip, ClipsError, find_clips
from fitness_tracker.core.params import Cnn
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.evaluation.scored_clips import score_clip, score_clips, score_corpus, unseeing_members
from fitness_tracker.models.classifier import Classifier, ClipUsage, Prediction, short_hash
from fitness_tracker.models.cnn.classifier import FrameClassifier
from tests.projects import ROOT

EXERCISES = ["lunge", "squat"]


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    for name in ("squat/anna__1", "squat/bob__1", "lunge/bob__1", "squat/carl__1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.zip").write_bytes(name.encode())
    return find_clips(tmp_path, (".zip",))


@pytest.fixture
def classifier(clips: list[Clip]) -> Classifier:
    """Two members for three folds: anna's and bob's are each unseen by one, carl's by none."""
    fold_of = {"anna": 0, "bob": 1, "carl": 2}
    usage = {}
    for clip in clips:
        group = clip.name.split("/")[1].split("__")[0]
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        usage[short_hash(clip.name)] = ClipUsage(fold_of[group], short_hash(group), digest)
    cnn = Cnn(image_size=32, filters=[1, 1, 1], dense_units=1, dropout=0, members=2, patience_epochs=1)
    folds = [[0, 1], [1, 2]]
    return FrameClassifier(EXERCISES, "pad", 10.0, "^(.+?)__", usage, 1.0, 1.0, [], {}, 1, None, cnn, folds)


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


def test_none_is_right_for_what_training_knew_but_was_not_to_teach(clips: list[Clip], classifier: Classifier) -> None:
    only = dataclasses.replace(classifier, exercises=["squat", NONE], none_threshold=0.4)
    unsure = Prediction(np.array([[0.5, 0.5]], np.float32), np.array([0.5, 0.5], np.float32))
    lunge, squat = (next(clip for clip in clips if clip.exercise == exercise) for exercise in ("lunge", "squat"))
    one, other = (score_clip(clip, "bob", unsure, only) for clip in (lunge, squat))
    assert (one.truth, one.predicted, one.taught) == (NONE, NONE, False)
    assert (other.truth, other.predicted, other.taught) == ("squat", NONE, True)
    assert unseeing_members(clips, only)[lunge.name] == [1]


def test_a_corpus_that_training_did_not_know_is_refused(classifier: Classifier) -> None:
    clip = read_corpus(ROOT / "corpus")[0]
    with pytest.raises(ClipsError, match="not trained on this corpus"):
        score_corpus([clip], classifier)
    assert score_corpus([], classifier) == []
