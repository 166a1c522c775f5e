"""A training that is killed goes on, and ends with the bytes of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import edit_params, run
from test_remote import digests

from fitness_tracker.processing.checkpointing import Checkpoint, read_state
from fitness_tracker.processing.result_cache import ResultCache

COMMAND = (sys.executable, "-m", "stages.train", "data/frames", "data/landmarks", "networks", "classifier", "metrics")


@pytest.fixture(scope="module")
def prepared(drawn: Path, networks_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outs of the stages before training."""
    from conftest import make_project

    home = make_project(tmp_path_factory.mktemp("prepared") / "project")
    (home / "networks").symlink_to(networks_folder)
    for stage, arguments in (
        ("resize", (str(drawn / "videos"), "data/resized")),
        ("extract", ("data/resized", "data/frames")),
        ("landmarks", ("data/frames", "networks", "data/landmarks", "metrics")),
    ):
        assert run(home, sys.executable, "-m", f"stages.{stage}", *arguments).returncode == 0
    return home


def trained(home: Path) -> dict[str, str]:
    return {**digests(home / "classifier"), **digests(home / "metrics")}


def start(home: Path, result_cache: Path) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(home / "src"), "FITNESS_TRACKER_CACHE": str(result_cache)}
    return subprocess.Popen(COMMAND, cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_after(home: Path, result_cache: Path, epoch: int, delay: float, signal_: int) -> tuple[list[str], str]:
    """Starts training, and ends it some moment after it told of that epoch; what it said."""
    running = start(home, result_cache)
    assert running.stdout
    assert running.stderr
    told = []
    for line in running.stdout:
        told.append(line)
        if f"epoch {epoch}/" in line:  # its state may be kept by now, or not
            break
    time.sleep(delay)
    running.send_signal(signal_)
    told += running.stdout.readlines()
    errors = running.stderr.read()
    running.wait()
    return told, errors


@pytest.mark.slow
@pytest.mark.parametrize("model", ["pose", "cnn"])
def test_a_training_killed_again_and_again_ends_with_the_same_bytes(prepared: Path, tmp_path: Path, model: str) -> None:
    edit_params(prepared, {"train.model": model, "train.epochs": 7, "train.patience": 6, "pose.windows_per_clip": 40})
    assert start(prepared, tmp_path / "calm").wait() == 0
    calm = trained(prepared)
    random.seed(model)
    for epoch in (1, 3, 4):
        told, _ = stop_after(prepared, tmp_path / "troubled", epoch, random.random() * 0.3, signal.SIGKILL)
        assert epoch == 1 or any("goes on after epoch" in line for line in told)
    last = start(prepared, tmp_path / "troubled")
    told_last, failed = last.communicate()
    assert last.returncode == 0, failed
    assert "goes on after epoch" in told_last
    assert "epoch 1/" not in told_last
    assert trained(prepared) == calm
    again = start(prepared, tmp_path / "troubled").communicate()[0]
    assert "goes on" not in again
    assert trained(prepared) == calm


@pytest.mark.slow
def test_ctrl_c_is_one_line_and_another_parameter_begins_anew(prepared: Path, tmp_path: Path) -> None:
    edit_params(prepared, {"train.model": "pose", "train.epochs": 7, "pose.windows_per_clip": 40})
    _, errors = stop_after(prepared, tmp_path / "result_cache", 2, 0.0, signal.SIGINT)
    assert errors.splitlines()[-1] == "train: stopped; what is finished is kept"
    edit_params(prepared, {"train.learning_rate": 0.002})
    told, _ = stop_after(prepared, tmp_path / "result_cache", 1, 0.0, signal.SIGKILL)
    assert not any("goes on" in line for line in told)
    edit_params(prepared, {"train.learning_rate": 0.001})
    told, _ = stop_after(prepared, tmp_path / "result_cache", 4, 0.0, signal.SIGKILL)
    assert any("goes on after epoch" in line for line in told)


def test_a_state_that_is_damaged_is_no_state(tmp_path: Path) -> None:
    result_cache = ResultCache(tmp_path)
    for rubbish in (b"", b"rubbish", b"PK\x03\x04", np.arange(9).tobytes()):
        result_cache.set("one", rubbish)
        assert read_state(rubbish) is None
        checkpoint = Checkpoint(result_cache, "one")
        assert checkpoint.epochs == 0
        assert not checkpoint.ended
