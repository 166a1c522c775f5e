import dataclasses

import numpy as np
import pytest

from fitness_tracker.clips.folder import NONE
from fitness_tracker.evaluation.scores import (
    calibration_error,
    calibration_table,
    corpus_scores,
    own_scores,
    part_scores,
)
from tests.evaluation.scored import CORPUS, EXERCISES, scored

FOUR = [
    scored("lunge/a__1", "a", (0.9, 0.1, 0.0), (0.4, 0.6, 0.0)),  # right: 0.65; frames: 1 of 2
    scored("lunge/b__1", "b", (0.1, 0.9, 0.0)),  # wrong, sure
    scored("squat/a__1", "a", (0.3, 0.7, 0.0)),  # right
    scored("squat/b__1", "b", (0.6, 0.4, 0.0)),  # wrong, less sure
]


def test_clips_are_judged_by_the_mean_of_their_frames() -> None:
    result = own_scores(FOUR, EXERCISES)
    assert result["accuracy"] == 0.5
    assert result["f1"] == 0.5  # each exercise: one right, one missed, one taken for it
    assert result["frame_accuracy"] == pytest.approx(2 / 5)
    assert result["frame_f1"] == pytest.approx((2 / 5 + 2 / 5) / 2)
    assert (result["clips"], result["groups"]) == (4, 2)
    assert result["f1_low"] <= 0.5 <= result["f1_high"]


def test_each_exercise_counts_the_same_in_f1() -> None:
    lopsided = [scored(f"lunge/p{n}__1", f"p{n}", (0.9, 0.1, 0.0)) for n in range(9)] + [
        scored("squat/q__1", "q", (0.9, 0.1, 0.0))
    ]
    result = own_scores(lopsided, EXERCISES)
    assert result["accuracy"] == 0.9
    assert result["f1"] == pytest.approx((18 / 19 + 0) / 2)


def test_an_answer_of_none_is_wrong_for_a_clip_of_an_exercise() -> None:
    rejected = dataclasses.replace(FOUR[0], predicted=NONE)
    result = own_scores([rejected, *FOUR[1:]], EXERCISES)
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


def test_scores_of_the_corpus_are_of_clear_clips_and_tell_taught_from_untaught() -> None:
    result = corpus_scores(CORPUS, EXERCISES)
    assert result["people_clips"] == 3
    assert result["people_groups"] == 3
    assert result["people_accuracy"] == pytest.approx(2 / 3)
    assert result["people_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert result["people_f1_forced"] == 1
    assert result["people_f1_partly"] == pytest.approx((0.5 + 2 / 3) / 2)
    assert result["people_untaught_named"] == 0.5
    assert result["people_auroc"] == pytest.approx(5 / 6)
    for name in ("accuracy", "f1", "f1_forced", "f1_partly", "untaught_named", "auroc"):
        assert result[f"people_{name}_low"] <= result[f"people_{name}"] <= result[f"people_{name}_high"]


def test_answers_have_scores_of_their_own() -> None:
    """They are better or worse than what the networks say."""
    own = own_scores([dataclasses.replace(one, answer=one.truth) for one in FOUR], EXERCISES)
    assert (own["accuracy"], own["answer_accuracy"], own["answer_f1"]) == (0.5, 1, 1)
    people = corpus_scores([dataclasses.replace(one, answer=NONE) for one in CORPUS], EXERCISES)
    assert (people["people_answer_accuracy"], people["people_answer_f1"]) == (0, 0)
    assert (people["people_untaught_named"], people["people_answer_untaught_named"]) == (0.5, 0)


def test_parts_of_clips_have_scores_of_their_own() -> None:
    result = part_scores([one for one in CORPUS if one.clear], "picture")
    assert (result["people_picture_accuracy"], result["people_picture_untaught_named"]) == (pytest.approx(2 / 3), 0.5)
    assert result["people_picture_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert result["people_picture_f1_low"] <= result["people_picture_f1"] <= result["people_picture_f1_high"]
    assert not any("untaught" in name for name in part_scores(CORPUS[:4], "second"))
    assert part_scores(CORPUS[4:], "second").keys() == {f"people_second_untaught_named{end}" for end in ENDS}


ENDS = ("", "_low", "_high")


def test_a_corpus_that_shows_nothing_taught_has_a_score_of_untaught_clips_alone() -> None:
    result = corpus_scores(CORPUS[3:], EXERCISES)  # of what is taught only a part
    measured = {f"people_{kind}{end}" for kind in ("untaught_named", "answer_untaught_named") for end in ENDS}
    assert result.keys() == measured | {"people_clips", "people_groups"}
    assert (result["people_untaught_named"], result["people_clips"]) == (0.5, 0)


def test_a_corpus_that_shows_nothing_untaught_has_no_score_of_none() -> None:
    result = corpus_scores(CORPUS[:4], EXERCISES)
    assert "people_auroc" not in result
    assert "people_f1" in result
