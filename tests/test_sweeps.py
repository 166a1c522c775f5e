"""Many runs side by side, by real DVC in a real Git repository."""

import json
import time
from pathlib import Path

import pytest
from conftest import GIT, make_tracked_project, run

PATIENCE = 900  # seconds


@pytest.fixture
def tracked(tmp_path: Path, drawn: Path) -> Path:
    return make_tracked_project(tmp_path / "project", drawn / "videos")


def experiments(project: Path) -> list[dict]:
    """What `dvc exp show` knows of the finished runs on top of the latest commit."""
    shown = json.loads(run(project, "dvc", "exp", "show", "--json").stdout)
    latest = next(one for one in shown if one["rev"] != "workspace")
    return [one["revs"][0]["data"] for one in latest["experiments"] or [] if one["revs"][0]["data"]]


@pytest.mark.slow
def test_queued_runs_compare_both_models_two_at_a_time(tracked: Path) -> None:
    queued = run(tracked, "dvc", "exp", "run", "--queue", "-S", "train.model=pose,cnn", "-S", "train.seed=1,2")
    assert queued.returncode == 0, queued.stderr
    assert queued.stdout.count("Queued experiment") == 4
    try:
        assert run(tracked, "dvc", "queue", "start", "-j", "2").returncode == 0
        end = time.monotonic() + PATIENCE
        while len(done := experiments(tracked)) < 4 and time.monotonic() < end:
            assert "Failed" not in run(tracked, "dvc", "queue", "status").stdout
            time.sleep(3)
    finally:
        run(tracked, "dvc", "queue", "stop", "--kill")
    assert len(done) == 4, run(tracked, "dvc", "queue", "status").stdout
    ran = set()
    for one in done:
        scores = one["metrics"]["metrics/evaluate.json"]["data"]
        assert 0 <= scores["accuracy"] <= 1
        assert 0 <= scores["f1"] <= 1
        train = one["params"]["params.yaml"]["data"]["train"]
        ran.add((train["model"], train["seed"]))
    assert ran == {("pose", 1), ("pose", 2), ("cnn", 1), ("cnn", 2)}
    table = run(tracked, "make", "-s", "-o", ".venv/installed", "runs").stdout
    columns = {cell.strip() for cell in table.splitlines()[0].split("|")}
    assert {"Experiment", "f1", "train.model", "train.seed"} <= columns
    assert len(columns) <= 10
    assert run(tracked, *GIT, "status", "--porcelain").stdout == ""


@pytest.mark.slow
def test_a_run_in_the_workspace_and_one_beside_it_give_the_same(tracked: Path) -> None:
    change = ("-S", "train.epochs=3")
    beside = run(tracked, "dvc", "exp", "run", "--temp", *change)
    assert beside.returncode == 0, beside.stderr
    assert run(tracked, *GIT, "status", "--porcelain").stdout == ""
    (one,) = experiments(tracked)
    here = run(tracked, "dvc", "exp", "run", *change)
    assert here.returncode == 0, here.stderr
    scores = json.loads((tracked / "metrics/evaluate.json").read_text())
    assert scores == one["metrics"]["metrics/evaluate.json"]["data"]
