"""Scores of drawn classifiers, whose clips are right or wrong by group."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from fitness_tracker.evaluation import intervals
from fitness_tracker.evaluation.intervals import (
    accuracy_interval,
    effective_groups,
    f1_by_exercise,
    f1_difference_interval,
    f1_differences_by_exercise,
    f1_interval,
    macro_f1,
    weighted_interval,
)

EXERCISES = np.array(["lunge", "plank", "squat"])


def drawn_answers(seed: int, groups: int = 30, each: int = 6, right: float = 0.8) -> tuple[np.ndarray, ...]:
    """Truth, two classifiers' answers and groups; a group is right or wrong together more often than chance."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    truth = rng.choice(EXERCISES, len(group))
    how_right = np.clip(rng.normal(right, 0.2, groups), 0, 1)[group]
    wrong = rng.choice([*EXERCISES, "none"], len(group))
    first = np.where(rng.random(len(group)) < how_right, truth, wrong)
    second = np.where(rng.random(len(group)) < 0.05, wrong, first)
    return truth, first, second, group


def sklearn_f1(truth: np.ndarray, answer: np.ndarray) -> float:
    return f1_score(truth, answer, labels=np.unique(truth), average="macro", zero_division=0)


def bootstrap(groups: np.ndarray, score: Callable[[np.ndarray], float]) -> tuple[float, ...]:
    """The interval of score(places of the resampled clips), the slow way."""
    rng = np.random.default_rng(1)
    members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    draws = rng.integers(0, len(members), (2000, len(members)))
    scores = [score(np.concatenate([members[number] for number in draw])) for draw in draws]
    return tuple(np.quantile(scores, [0.025, 0.975]))


def test_macro_f1_is_that_of_scikit_learn_over_the_exercises_that_are_shown() -> None:
    for seed in range(20):
        truth, answer, _, _ = drawn_answers(seed, right=0.5)
        assert macro_f1(truth, answer) == pytest.approx(sklearn_f1(truth, answer))
    assert macro_f1(["squat", "squat"], ["none", "squat"]) == pytest.approx(2 / 3)
    assert macro_f1(["squat"], ["plank"]) == 0


@pytest.mark.slow
def test_intervals_are_those_of_resampling_groups_clip_by_clip() -> None:
    truth, first, second, groups = drawn_answers(0)
    slow = bootstrap(groups, lambda at: macro_f1(truth[at], first[at]))
    assert f1_interval(truth, first, groups) == pytest.approx(slow, abs=0.012)
    slow = bootstrap(groups, lambda at: (truth[at] == first[at]).mean())
    assert accuracy_interval(truth, first, groups) == pytest.approx(slow, abs=0.012)
    slow = bootstrap(groups, lambda at: macro_f1(truth[at], second[at]) - macro_f1(truth[at], first[at]))
    assert f1_difference_interval(truth, first, second, groups) == pytest.approx(slow, abs=0.006)


def test_nine_of_ten_intervals_hold_the_accuracy_that_all_people_would_give() -> None:
    truths = [drawn_answers(seed, groups=2000) for seed in (1000, 1001)]
    true = np.mean([(truth == answer).mean() for truth, answer, _, _ in truths])
    intervals = [accuracy_interval(truth, answer, groups) for truth, answer, _, groups in map(drawn_answers, range(80))]
    assert 0.88 <= np.mean([low <= true <= high for low, high in intervals]) <= 0.99


def test_groups_that_stand_or_fall_together_make_the_interval_wider_than_clips_would() -> None:
    truth, answer, _, groups = drawn_answers(3, each=20)
    (low, high), (few, many) = (f1_interval(truth, answer, names) for names in (groups, np.arange(len(truth))))
    assert high - low > 1.5 * (many - few)


def test_a_difference_is_surer_than_the_two_scores_because_it_is_paired() -> None:
    truth, first, second, groups = drawn_answers(4)
    low, high = f1_interval(truth, first, groups)
    worse, better = f1_difference_interval(truth, first, second, groups)
    assert better - worse < 0.6 * (high - low)
    assert f1_difference_interval(truth, first, first, groups) == (0, 0)


def test_turning_a_difference_round_turns_its_interval_round() -> None:
    truth, first, second, groups = drawn_answers(5)
    low, high = f1_difference_interval(truth, first, second, groups)
    assert f1_difference_interval(truth, second, first, groups) == pytest.approx((-high, -low))


def test_the_order_of_clips_changes_nothing_and_the_seed_little() -> None:
    truth, answer, _, groups = drawn_answers(6)
    order = np.random.default_rng(0).permutation(len(truth))
    assert f1_interval(truth[order], answer[order], groups[order]) == f1_interval(truth, answer, groups)
    other = f1_interval(truth, answer, groups, seed=1)
    assert other != f1_interval(truth, answer, groups)
    assert other == pytest.approx(f1_interval(truth, answer, groups), abs=0.01)


def test_each_exercise_has_its_f1_and_an_interval_around_it() -> None:
    truth, answer, _, groups = drawn_answers(7)
    table = f1_by_exercise(truth, answer, groups)
    assert list(table["exercise"]) == sorted(EXERCISES)
    assert table["f1"].to_numpy() == pytest.approx(f1_score(truth, answer, labels=sorted(EXERCISES), average=None))
    assert (table["low"] < table["f1"]).all()
    assert (table["f1"] < table["high"]).all()
    assert table["clips"].sum() == len(truth)


def test_only_the_exercise_that_changed_differs_by_more_than_noise() -> None:
    truth, first, _, groups = drawn_answers(8)
    second = np.where((truth == "squat") & (first == "squat") & (np.arange(len(truth)) % 2 == 0), "none", first)
    table = f1_differences_by_exercise(truth, first, second, groups).set_index("exercise")
    assert table.loc["squat", "high"] < 0
    assert table.loc["squat", "low"] <= table.loc["squat", "f1"] <= table.loc["squat", "high"]
    assert (table.loc[["lunge", "plank"], ["f1", "low", "high"]] == 0).all(axis=None)


def test_an_interval_of_any_statistic_resamples_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 100)
    rng = np.random.default_rng(0)
    truth = rng.random(60) < 0.5
    score = truth + rng.normal(0, 1, 60)
    groups = np.repeat(np.arange(20), 3)
    seen: Counter = Counter()

    def auroc(weights: np.ndarray) -> float:
        seen[tuple(np.unique(weights[::3] == weights[1::3]))] += 1
        return float(roc_auc_score(truth, score, sample_weight=weights))

    value, (low, high) = weighted_interval(groups, auroc)
    assert value == pytest.approx(roc_auc_score(truth, score))
    assert low < value < high
    assert set(seen) == {(True,)}  # clips of a group weigh the same
    assert weighted_interval(["a"] * 60, auroc)[1] == (0.0, 1.0)


def test_one_group_says_nothing_about_others() -> None:
    truth, first, second, groups = drawn_answers(9)
    alone = np.zeros(len(truth))
    assert f1_interval(truth, first, alone) == (0, 1)
    assert accuracy_interval(truth, first, alone) == (0, 1)
    assert f1_difference_interval(truth, first, second, alone) == (-1, 1)
    rare = np.where(groups == 0, "rare", truth)
    table = f1_by_exercise(rare, first, groups).set_index("exercise")
    assert tuple(table.loc["rare", ["low", "high", "clips", "groups"]]) == (0, 1, 6, 1)


def test_groups_of_one_size_count_fully_and_a_large_one_hardly_more_than_once() -> None:
    assert effective_groups(["a", "b", "a", "b"]) == 2
    assert effective_groups(["a"] * 98 + ["b", "c"]) == pytest.approx(1.041, abs=0.001)


@pytest.mark.parametrize("sizes", [(0, 0, 0), (2, 1, 2), (2, 2, 1)])
def test_clips_without_an_answer_or_a_group_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="clips"):
        f1_interval(*(["squat"] * size for size in sizes))
