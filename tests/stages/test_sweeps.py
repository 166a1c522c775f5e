"""Many runs side by side, by real DVC in a real Git repository; by night with real stages, else with stand-ins."""

import json
import time
from pathlib import Path

import pytest

from tests.projects import GIT, copy_project, run, track_and_run

PATIENCE = 600  # seconds


@pytest.fixture
def project(stand_in: Path, tmp_path: Path) -> Path:
    return copy_project(stand_in, tmp_path / "project")


def experiments(project: Path) -> list[dict]:
    """What `dvc exp show` knows of the finished runs on top of the latest commit."""
    shown = json.loads(run(project, "dvc", "exp", "show", "--json").stdout)
    latest = next(one for one in shown if one["rev"] != "workspace")
    return [one["revs"][0]["data"] for one in latest["experiments"] or [] if one["revs"][0]["data"]]


def scores(experiment: dict) -> dict[str, float]:
    return experiment["metrics"]["metrics/evaluate.json"]["data"]


@pytest.mark.slow
def test_queued_runs_compare_both_models_two_at_a_time(project: Path) -> None:
    queued = run(project, "dvc", "exp", "run", "--queue", "-S", "train.model=pose,cnn", "-S", "train.seed=1")
    assert queued.returncode == 0, queued.stderr
    assert queued.stdout.count("Queued experiment") == 2
    try:
        assert run(project, "dvc", "queue", "start", "-j", "2").returncode == 0
        end = time.monotonic() + PATIENCE
        while len(done := experiments(project)) < 2 and time.monotonic() < end:
            assert "Failed" not in run(project, "dvc", "queue", "status").stdout
            time.sleep(1)
    finally:
        run(project, "dvc", "queue", "stop", "--kill")
    assert len(done) == 2, run(project, "dvc", "queue", "status").stdout
    ran = {}
    for one in done:
        train = one["params"]["params.yaml"]["data"]["train"]
        ran[train["model"], train["seed"]] = scores(one)["f1"]
    assert ran == {("pose", 1): 1, ("cnn", 1): pytest.approx(2 / 3)}
    table = run(project, "make", "-s", "-o", ".venv/installed", "runs").stdout
    columns = {cell.strip() for cell in table.splitlines()[0].split("|")}
    assert {"Experiment", "f1", "train.model"} <= columns
    assert len(columns) <= 10
    assert run(project, *GIT, "status", "--porcelain").stdout == ""


def runs_beside_and_in_the_workspace(project: Path, *change: str) -> tuple[dict[str, float], dict[str, float]]:
    """The scores of a run beside the workspace, which must stay as it was, and of the same one in it."""
    beside = run(project, "dvc", "exp", "run", "--temp", *change)
    assert beside.returncode == 0, beside.stderr
    assert run(project, *GIT, "status", "--porcelain").stdout == ""
    (one,) = experiments(project)
    here = run(project, "dvc", "exp", "run", *change)
    assert here.returncode == 0, here.stderr
    return scores(one), json.loads((project / "metrics/evaluate.json").read_text())


@pytest.mark.slow
def test_a_run_in_the_workspace_and_one_beside_it_give_the_same(project: Path) -> None:
    beside, here = runs_beside_and_in_the_workspace(project, "-S", "train.model=cnn")
    assert beside == here == {"f1": pytest.approx(2 / 3)}


@pytest.mark.torture
def test_so_do_runs_that_train(ran: Path, tmp_path: Path) -> None:
    project = copy_project(ran, tmp_path / "project")
    track_and_run(project)
    beside, here = runs_beside_and_in_the_workspace(project, "-S", "train.epochs=3")
    assert beside == here
