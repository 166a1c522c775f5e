"""A training that is stopped goes on, and ends with the bytes of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import psutil
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, write_landmarks
from fitness_tracker.models.checkpoint import Checkpoint, read_state, training_key
from fitness_tracker.models.tensorflow_setup import keras, make_deterministic
from fitness_tracker.processing.result_cache import ResultCache
from fitness_tracker.video.frames import encode_jpeg
from tests.projects import digests, edit_params, make_project

COMMAND = (
    sys.executable,
    "-m",
    "stages.train",
    "data/frames",
    "data/landmarks",
    "corpus",
    "networks",
    "classifier",
    "metrics",
)
EPOCHS = 5


class StopAt(keras.callbacks.Callback):
    """Ends training before an epoch, as a signal would."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == self.epoch:
            raise KeyboardInterrupt


def fit(checkpoint: Checkpoint, patience: int, stop_at: int = -1) -> tuple[list[bytes], dict[str, list[float]], bool]:
    """(weights, generators' and optimizer's states; history; whether it stopped early) of a network with dropout."""
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(64, 8)).astype(np.float32), rng.integers(0, 2, 64)
    make_deterministic(0)
    network = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    network.build((None, 8))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    checkpoint.stop = keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
    network.fit(
        rows,
        labels,
        epochs=EPOCHS,
        initial_epoch=EPOCHS if checkpoint.ended else checkpoint.epochs,
        validation_data=(rng.normal(size=(32, 8)).astype(np.float32), rng.integers(0, 2, 32)),
        callbacks=[checkpoint.stop, checkpoint, StopAt(stop_at)],
        shuffle=False,
        verbose=0,
    )
    states = [np.asarray(variable).tobytes() for variable in (*network.variables, *network.optimizer.variables)]
    return states, checkpoint.history, checkpoint.stop.stopped_epoch > 0


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1, EPOCHS], ids=["stops early", "runs to the end"])
def test_a_training_stopped_before_any_epoch_ends_as_one_that_was_not(tmp_path: Path, patience: int) -> None:
    states, history, stopped_early = fit(Checkpoint(), patience)
    assert stopped_early == (patience == 1)
    cache = ResultCache(tmp_path)
    for epoch in range(1, len(history["loss"])):
        with pytest.raises(KeyboardInterrupt):
            fit(Checkpoint(cache, "member-0"), patience, stop_at=epoch)
        assert Checkpoint(cache, "member-0").epochs == epoch
        assert Checkpoint(cache, "member-1").epochs == 0
    last = Checkpoint(cache, "member-0")
    assert fit(last, patience)[:2] == (states, history)
    last.forget()
    assert Checkpoint(cache, "member-0").epochs == 0


def test_a_training_stopped_after_it_ended_early_learns_no_more(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path)
    _, history, _ = fit(Checkpoint(cache, "member"), 1)
    assert len(history["loss"]) < EPOCHS
    assert fit(Checkpoint(cache, "member"), 1)[1] == history


def test_other_parameters_clips_or_files_begin_anew(tmp_path: Path) -> None:
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in files:
        path.write_bytes(path.name.encode())
    base = training_key({"rate": 1}, {"squat/a": "1f"}, files[:1])
    assert base == training_key({"rate": 1}, {"squat/a": "1f"}, files[:1])
    others = [({"rate": 2}, {"squat/a": "1f"}, files[:1]), ({"rate": 1}, {"squat/a": "2f"}, files[:1])]
    others.append(({"rate": 1}, {"squat/a": "1f"}, files[1:]))
    assert len({base, *(training_key(*other) for other in others)}) == 4


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"PK\x03\x04", np.arange(9).tobytes()])
def test_a_state_that_is_damaged_is_no_state(tmp_path: Path, rubbish: bytes) -> None:
    cache = ResultCache(tmp_path)
    cache.set("one", rubbish)
    assert read_state(rubbish) is None
    assert Checkpoint(cache, "one").epochs == 0
    assert not Checkpoint(cache, "one").ended


@pytest.fixture(scope="module")
def prepared(networks_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with frames and landmarks of noise of six people, ready for training."""
    home, rng = make_project(tmp_path_factory.mktemp("prepared") / "project"), np.random.default_rng(0)
    (home / "networks").symlink_to(networks_folder)
    for name in (f"{exercise}/p{person}__1" for exercise in ("lunge", "squat") for person in range(6)):
        for folder in ("frames", "landmarks"):
            (home / "data" / folder / name).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(home / f"data/frames/{name}.zip", "w") as archive:
            for number in range(4):
                picture = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
                archive.writestr(f"{number / 10:09.3f}.jpg", encode_jpeg(picture, 90))
        landmarks = Landmarks(
            image_landmarks=rng.random((40, 33, 4), np.float32) * [400, 400, 400, 1],
            world_landmarks=rng.random((40, 33, 3), np.float32),
            times=np.arange(40, dtype=np.float32) / 10,
            found=np.ones(40, bool),
        )
        (home / f"data/landmarks/{name}.npz").write_bytes(write_landmarks(landmarks))
    return home


def start(home: Path, cache: Path) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(home / "src"), "FITNESS_TRACKER_CACHE": str(cache)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(COMMAND, cwd=home, env=env, text=True, start_new_session=True, **pipes)


def train(home: Path, cache: Path) -> tuple[str, dict[str, str]]:
    """(what it printed, what it wrote) of a training that nobody stops."""
    running = start(home, cache)
    output, errors = running.communicate()
    assert running.returncode == 0, errors
    return output, {**digests(home / "classifier"), **digests(home / "metrics")}


def finished_epochs(cache: Path) -> int:
    """Of the member that has come furthest."""
    states = ResultCache(cache)
    return max((Checkpoint(states, path.name).epochs for path in cache.rglob("training-*")), default=0)


def stop_after(home: Path, cache: Path, epoch: int, signal_: int) -> tuple[str, str]:
    """Starts training and sends the signal when that epoch is finished, SIGINT to all its processes, as a terminal
    does; (what it printed, its stderr). Then nobody goes on training."""
    running = start(home, cache)
    while finished_epochs(cache) < epoch:
        assert running.poll() is None, running.communicate()
        time.sleep(0.2)
    children = psutil.Process(running.pid).children(recursive=True)
    (os.killpg if signal_ == signal.SIGINT else os.kill)(running.pid, signal_)
    output, errors = running.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=20)[1]
    return output, errors


@pytest.mark.slow
def test_the_stage_goes_on_after_ctrl_c(prepared: Path, tmp_path: Path) -> None:
    edit_params(prepared, {"train.model": "pose", "train.epochs": 3, "pose.members": 4, "pose.windows_per_epoch": 2000})
    output, errors = stop_after(prepared, tmp_path / "disturbed", 1, signal.SIGINT)
    assert errors == "train: stopped; what is finished is kept\n"
    output, _ = train(prepared, tmp_path / "disturbed")
    assert "goes on after epoch" in output
    assert not list((tmp_path / "disturbed").rglob("training-*"))  # the next training begins at the beginning


@pytest.mark.slow
def test_no_process_of_a_killed_stage_goes_on(prepared: Path, tmp_path: Path) -> None:
    edit_params(prepared, {"train.model": "pose", "train.epochs": 50, "pose.windows_per_epoch": 2000})
    stop_after(prepared, tmp_path / "disturbed", 1, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.torture
@pytest.mark.parametrize("model", ["pose", "cnn"])
def test_a_stage_killed_again_and_again_ends_with_the_same_bytes(prepared: Path, tmp_path: Path, model: str) -> None:
    edit_params(
        prepared, {"train.model": model, "train.epochs": 7, "cnn.patience_epochs": 6, "pose.windows_per_epoch": 2000}
    )
    _, calm = train(prepared, tmp_path / "calm")
    for number in range(int(os.environ.get("TORTURE", "30")) // 10):
        for epoch in sorted(random.Random(number).sample(range(1, 6), 3)):
            stop_after(prepared, tmp_path / "disturbed", epoch, signal.SIGKILL)
        output, ended = train(prepared, tmp_path / "disturbed")
        assert "goes on after epoch" in output
        assert ended == calm
