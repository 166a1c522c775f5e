"""What `make repro` ends with, on the metrics that Git keeps and on what other runs write."""

import csv
import json
import shutil
import sys
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.review.summary import READ_ON, summary
from tests.projects import ROOT, run

SCORES = json.loads((ROOT / "metrics/evaluate.json").read_text())


def write_metrics(folder: Path, *left_out: str) -> Path:
    """A copy of the metrics that Git keeps, without the scores whose names begin like `left_out`."""
    metrics = shutil.copytree(ROOT / "metrics", folder / "metrics")
    kept = {name: value for name, value in SCORES.items() if not left_out or not name.startswith(left_out)}
    (metrics / "evaluate.json").write_text(json.dumps(kept))
    return metrics


def write_f1(metrics: Path, *f1: tuple[str, float]) -> None:
    with (metrics / "f1.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("exercise", "f1", "clips"), *((name, value, 3) for name, value in f1)])


def test_the_command_prints_ten_lines_that_fit_a_terminal() -> None:
    done = run(ROOT, sys.executable, "-m", "fitness_tracker.review.summary", "metrics")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10
    assert max(map(len, lines)) <= 120


def test_clips_of_ones_own_and_real_people_have_their_scores_and_intervals() -> None:
    lines = dict(summary(ROOT / "metrics", "clips"))
    own, people = lines["clips"], lines["real people"]
    assert f"{SCORES['clips']} clips of {SCORES['groups']} groups" in own
    assert f"F1 {SCORES['f1']:.3f} ({SCORES['f1_low']:.3f} to {SCORES['f1_high']:.3f})" in own
    assert f"{SCORES['people_clips']} clips of {SCORES['people_groups']} groups" in people
    assert f"accuracy {SCORES['people_accuracy']:.3f} ({SCORES['people_accuracy_low']:.3f} to " in people


def test_the_weakest_exercises_come_first_and_perfect_ones_not_at_all(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path, "people_")
    write_f1(metrics, ("plank", 1.0), ("push_up", 0.75), ("squat", 0.5))
    assert dict(summary(metrics, "clips"))["  lowest F1"] == "squat 0.50, push up 0.75"
    write_f1(metrics, ("plank", 1.0), ("squat", 1.0))
    assert dict(summary(metrics, "clips"))["  lowest F1"] == "1.00 for every exercise"


def test_the_weakest_exercises_of_real_people_are_those_of_the_page(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path)
    rows = (
        "| family | exercise | F1 | interval |\n| --- | --- | --- | --- |\n"
        "| core | sit up | 0.67 | |\n| pull | row (also band row) | 1.00 | |\n| press | dip | 0.50 | |\n"
    )
    (metrics / "exercises.md").write_text(f"# Scores\n\n{rows}\n| shown | clips |\n| --- | --- |\n| shrug | 1 |\n")
    *_, line = (text for name, text in summary(metrics, "clips") if name == "  lowest F1")
    assert line == "dip 0.50, sit up 0.67"


def test_without_a_corpus_it_says_so(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path, "people_")
    (metrics / "exercises.md").write_text("No corpus was learnt from.\n")
    lines = summary(metrics, "clips")
    assert ("real people", "no corpus was learnt from") in lines
    assert [name for name, _ in lines].count("  lowest F1") == 1
    assert lines[-1] == ("read on", READ_ON)


def test_where_the_corpus_shows_nothing_taught_it_says_so(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path, *(name for name in SCORES if name.startswith(("people_f1", "people_accuracy"))))
    assert ("real people", "the corpus shows no taught exercise") in summary(metrics, "clips")


def test_a_corpus_that_shows_nothing_untaught_has_no_line_on_none(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path, "people_auroc", "people_untaught")
    assert "  none" not in dict(summary(metrics, "clips"))
    assert "  none" in dict(summary(ROOT / "metrics", "clips"))


def test_metrics_that_are_missing_are_named(tmp_path: Path) -> None:
    metrics = write_metrics(tmp_path)
    (metrics / "train.json").unlink()
    with pytest.raises(UserError, match=r"train\.json is missing: run `make repro`"):
        summary(metrics, "clips")
