"""Scores of enrolled movements, from vectors whose truth is known."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.evaluation import enrolled
from fitness_tracker.evaluation.enrolled import enrolled_scores, find_unseen
from fitness_tracker.models.classifier import ClipUsage

# label, group, fold, and where the clip's vector points
CLIPS = [
    ("shrug", "a", 0, 0), ("shrug", "b", 1, 10), ("shrug", "c", 2, 80),
    ("squat", "d", 0, 60), ("squat", "e", 1, 120), ("none", "f", 0, 30), ("none", "g", 1, 40), ("squat", "h", 2, 5),
]  # fmt: skip


def corpus_clip(label: str, group: str, visibility: str = "clear") -> CorpusClip:
    exercise = "squat" if label == "squat" else NONE
    return CorpusClip(f"{label}{group}", label, exercise, group, "s", 3.0, "", visibility, "", Path())


def classifier(clips: list[CorpusClip]) -> SimpleNamespace:
    folds = {group: fold for _, group, fold, _ in CLIPS}
    usage = {short_hash(clip.name): ClipUsage(folds[clip.group], clip.group, "") for clip in clips}
    return SimpleNamespace(usage=usage, folds=[[0, 1], [1, 2]], exercises=["squat", NONE])


@pytest.fixture
def clips(monkeypatch: pytest.MonkeyPatch) -> list[CorpusClip]:
    angles = {f"{label}{group}": np.radians(angle) for label, group, _, angle in CLIPS}

    def vectors(clip: CorpusClip, _: object) -> np.ndarray:
        return np.tile([np.cos(angles[clip.id]), np.sin(angles[clip.id])], (3, 2, 1))

    monkeypatch.setattr(enrolled, "window_vectors", vectors)
    return [corpus_clip(label, group) for label, group, *_ in CLIPS]


def test_a_member_saw_no_clip_of_its_folds_nor_untaught_labels_that_are_shown_there(clips: list[CorpusClip]) -> None:
    assert find_unseen(clips, classifier(clips)).tolist() == [  # type: ignore[arg-type]
        [True, True, True, True, True, True, True, False],
        [True, True, True, False, True, False, True, True],
    ]


def test_of_each_enrolled_clip_the_others_of_its_label_are_found_if_hardly_any_other_is_as_near(
    clips: list[CorpusClip],
) -> None:
    """Enrolled at 0°: 10° is nearer than all but the squat at 5° (of d, e, f, g, h), 80° than e alone; at 10°: 0° than
    all but that, too, 80° than e; at 80°: 0° and 10° are further than all but that squat."""
    scores = enrolled_scores(clips, classifier(clips))  # type: ignore[arg-type]
    expected = np.mean([4 / 5, 1 / 5, 4 / 5, 1 / 5, 0, 1 / 5])
    assert scores["enrolled_movements"] == 1
    assert scores["enrolled_auroc"] == pytest.approx(expected)
    assert scores["enrolled_auroc_low"] < expected < scores["enrolled_auroc_high"]
    assert scores["enrolled_recall"] == 0
    without = [clip for clip in clips if clip.group != "h"]
    assert enrolled_scores(without, classifier(without))["enrolled_recall"] == pytest.approx(2 / 6)  # type: ignore[arg-type]


def test_a_label_of_one_group_says_nothing(clips: list[CorpusClip]) -> None:
    few = [clip for clip in clips if clip.label != "shrug" or clip.group == "a"]
    assert enrolled_scores(few, classifier(few)) == {}  # type: ignore[arg-type]
    partly = [corpus_clip(clip.label, clip.group, "partly") if clip.label == "shrug" else clip for clip in clips]
    assert enrolled_scores(partly, classifier(partly)) == {}  # type: ignore[arg-type]
