from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fitness_tracker.evaluation.corpus_scores import People, draw_people, evaluate_people, exercises_page, people_scores
from sklearn.metrics import roc_auc_score

from fitness_tracker.clips.folder import Clip
from fitness_tracker.evaluation import intervals
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.evaluation.scores import ScoredClip
from fitness_tracker.models.classifier import NONE, Prediction

EXERCISES = ["lunge", "squat", NONE]
THRESHOLD = 0.5


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 100)


def scored(name: str, group: str, *probabilities: float) -> ScoredClip:
    said = np.array(probabilities, np.float32)
    score = 1 - float(said[:-1].max())
    predicted = NONE if score > THRESHOLD else EXERCISES[said[:-1].argmax()]
    clip, prediction = Clip(name, Path(name)), Prediction(said[None], said)
    return ScoredClip(clip, group, name.split("/")[0], prediction, predicted, float(said.max()), score)


PEOPLE = [
    scored("lunge/lunge/1", "a", 0.8, 0.1, 0.1),
    scored("lunge/side_lunge/2", "b", 0.4, 0.3, 0.3),  # too unsure: none
    scored("squat/squat/3", "c", 0.1, 0.9, 0.0),
    scored("squat/squat/4", "d", 0.9, 0.1, 0.0),  # partly to be seen, and wrong
    scored("none/crawl/5", "e", 0.1, 0.2, 0.7),
    scored("none/none/6", "f", 0.6, 0.3, 0.1),  # named, though nobody exercises
]
CLEAR = [True, True, True, False, True, True]


def test_scores_are_of_what_can_be_seen_and_of_what_is_taught() -> None:
    result = people_scores(PEOPLE, CLEAR, EXERCISES)
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


def test_the_page_says_what_is_taken_for_what() -> None:
    page = exercises_page(PEOPLE, CLEAR)
    assert "| lunge | 0.67 | 0.00 to 1.00 | 2 | 2 | none 1 |" in page
    assert "| squat | 1.00 |" in page
    assert "| crawl | 1 |  |" in page
    assert "| nobody exercises | 1 | lunge 1 |" in page


def test_a_corpus_that_shows_nothing_untaught_has_no_score_of_none() -> None:
    result = people_scores(PEOPLE[:4], CLEAR[:4], EXERCISES)
    assert "people_auroc" not in result
    assert "people_f1" in result


def test_pictures_are_drawn(tmp_path: Path) -> None:
    class Known:
        exercises, none_threshold = EXERCISES, THRESHOLD

    draw_people(PEOPLE, CLEAR, Known(), people_scores(PEOPLE, CLEAR, EXERCISES), tmp_path)
    drawn = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(drawn) == {"people_confusion.png", "none.png"}
    assert min(drawn.values()) > 5000


def test_without_a_corpus_it_is_said(tmp_path: Path) -> None:
    assert evaluate_people([], None, tmp_path, tmp_path) == People()
    assert "No corpus" in (tmp_path / "exercises.md").read_text()
    assert (tmp_path / "none.png").exists()


def test_an_interval_of_any_statistic_resamples_groups() -> None:
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
