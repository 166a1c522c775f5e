"""The programs that make the README's numbers, on the drawn sample."""

import shutil
import sys
from pathlib import Path

import pytest
from conftest import edit_params, run


@pytest.mark.slow
def test_leak_scores_the_same_frames_both_ways(project: Path, drawn: Path) -> None:
    shutil.copytree(drawn / "videos", project / "data" / "videos")
    for stage, arguments in (("resize", ("data/videos", "data/resized")), ("extract", ("data/resized", "data/frames"))):
        assert run(project, "python", "-m", f"stages.{stage}", *arguments).returncode == 0
    edit_params(project, {"train.epochs": 6, "train.patience": 6})
    done = run(project, sys.executable, "benchmarks/leak.py")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| frames")]
    (at_random, _), (by_group, _) = ([float(cell) for cell in row.split("|")[2:4]] for row in rows)
    assert 0 <= by_group < at_random <= 1


@pytest.mark.slow
def test_memory_measures_the_train_stage(project: Path) -> None:
    done = run(project, sys.executable, "benchmarks/memory.py", "2000")
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("| 2,000"))
    assert 200 < int(row.split("|")[2].replace("MiB", "").replace(",", "")) < 4000
