"""A training that was stopped, in whatever way, goes on from its last finished epoch, to the same end.

`keras.callbacks.BackupAndRestore` (Keras 3.15) cannot do it, tried on a network with dropout: it restores weights and
optimizer, but not the random generators of dropout (other weights in the end), nor the history, nor what EarlyStopping
counts; and it takes up the backup of other data or parameters.
"""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fitness_tracker.models.tensorflow_setup import keras
from fitness_tracker.processing.result_cache import ResultCache

LIBRARIES = ("tensorflow", "keras", "numpy", "imaug")
STOPPING = ("best", "wait", "best_epoch", "stopped_epoch")  # the state of EarlyStopping, besides the best weights


def training_key(settings: Any, split: Any, files: Iterable[Path]) -> str:
    """A hash of what decides how a training ends: parameters, split with the clips' hashes, files, code, libraries."""
    modules = sorted(name for name in sys.modules if name.startswith("fitness_tracker."))
    code = [Path(str(sys.modules[name].__file__)) for name in modules]
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (*files, *code)]
    text = repr((settings, sorted(split.items()), contents, [version(name) for name in LIBRARIES]))
    return "training-" + hashlib.sha256(text.encode()).hexdigest()


class Checkpoint(keras.callbacks.Callback):
    """Stores the state of one network's training under its key in the result cache, if there is one, after each epoch.

    `stop` is the EarlyStopping that comes before it among the callbacks, if any. `epochs` are finished when training
    starts, `history` is that of all, before and after. Several networks take one `Checkpoint` and key each.
    """

    stop: keras.callbacks.EarlyStopping | None = None

    def __init__(self, cache: ResultCache | None = None, key: str = "") -> None:
        super().__init__()
        self.cache, self.key = cache, key
        self.state = read_state(cache.get(key) if cache else None)
        self.history: dict[str, list[float]] = self.state["history"] if self.state else {}

    @property
    def epochs(self) -> int:
        return len(self.history.get("loss", []))

    @property
    def ended(self) -> bool:
        """Whether the stored training had stopped early."""
        return bool(self.stop and self.state and self.state["stopping"]["wait"] >= self.stop.patience)

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self.state:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(self.variables(), self.state["variables"], strict=True):
            variable.assign(value)
        if self.stop:
            for name in STOPPING:
                setattr(self.stop, name, self.state["stopping"][name])
            self.stop.best_weights = self.state["best"] or None
        print(f"train: goes on after epoch {self.epochs}", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.cache:
            self.cache.set(self.key, self.to_bytes())

    def to_bytes(self) -> bytes:
        """What `read_state` reads."""
        arrays = {f"variable{number:04d}": np.asarray(value) for number, value in enumerate(self.variables())}
        plain: dict[str, Any] = {"history": self.history}
        if self.stop:
            arrays |= {f"best{number:04d}": value for number, value in enumerate(self.stop.best_weights or [])}
            plain["stopping"] = {name: getattr(self.stop, name) for name in STOPPING}
        target = io.BytesIO()
        np.savez(target, plain=np.array(json.dumps(plain, default=float)), **arrays)  # type: ignore[arg-type]
        return target.getvalue()

    def variables(self) -> list:
        """Weights, the states of random generators, and the optimizer's."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def forget(self) -> None:
        """The network is saved: the next training begins at the beginning."""
        if self.cache:
            self.cache.forget(self.key)


def read_state(data: bytes | None) -> dict[str, Any] | None:
    """What `Checkpoint.to_bytes` wrote; None if it did not, or it is damaged."""
    try:
        with np.load(io.BytesIO(data or b"")) as file:
            state = json.loads(str(file["plain"]))
            for kind in ("variable", "best"):
                names = sorted(name for name in file.files if name.startswith(kind))
                state["variables" if kind == "variable" else kind] = [file[name] for name in names]
            return state
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return None
