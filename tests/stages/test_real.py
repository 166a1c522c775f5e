"""The chain on a few clips of real people, where there are some. They never enter the project."""

import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from tests.projects import REAL_CLIPS, edit_params, run

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        not REAL_CLIPS.is_dir(), reason="no real clips here (FITNESS_TRACKER_REAL_CLIPS names a folder)"
    ),
]


def few_clips() -> list[str]:
    """The shortest clip of each of four groups of three exercises."""
    best: dict[tuple[str, str], tuple[float, str]] = {}
    with (REAL_CLIPS / "catalog.csv").open() as file:
        for row in csv.DictReader(file):
            if row["exercise"] in ("jumping_jack", "push_up", "squat"):
                key, value = (row["exercise"], row["group"]), (float(row["duration_s"]), row["clip"])
                best[key] = min(best.get(key, value), value)
    by_exercise = defaultdict(list)
    for (exercise, _), value in sorted(best.items()):
        by_exercise[exercise].append(value)
    return [clip for values in by_exercise.values() for _, clip in sorted(values)[:4]]


def test_the_chain_runs_on_real_clips(project: Path) -> None:
    names = few_clips()
    assert len(names) == 12
    for name in names:
        target = project / "data/videos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REAL_CLIPS / name, target)
    edit_params(project, {"split.group": "^(.+?)__"})
    done = run(project, "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((project / "metrics/evaluate.json").read_text())
    assert result["clips"] >= 3
    assert result["f1_low"] <= result["f1"] <= result["f1_high"]
    answered = run(project, "fitness-tracker", "predict", "data/videos/squat", "--json")
    assert answered.returncode == 0, answered.stderr
    assert len(answered.stdout.splitlines()) == 4
