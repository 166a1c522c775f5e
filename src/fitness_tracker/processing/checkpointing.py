"""A training that was stopped, in whatever way, goes on from its last finished epoch, to the same end."""

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

from fitness_tracker.processing.result_cache import ResultCache
from fitness_tracker.tensorflow_setup import keras

LIBRARIES = ("tensorflow", "keras", "numpy", "imaug")


STOPPING = ("best", "wait", "best_epoch", "stopped_epoch")  # what EarlyStopping knows, beside the best weights


def training_key(settings: Any, split: Any, files: Iterable[Path]) -> str:
    """Of all that decides how a training ends: parameters, split with the clips' hashes, files, code, libraries."""
    modules = sorted(name for name in sys.modules if name.startswith("fitness_tracker."))
    sources = [Path(str(sys.modules[name].__file__)).read_bytes() for name in modules]
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    text = repr((settings, sorted(split.items()), contents, sources, [version(name) for name in LIBRARIES]))
    return "training-" + hashlib.sha256(text.encode()).hexdigest()


class Checkpoint(keras.callbacks.Callback):
    """Keeps all state in the result_cache, if there is one, after each epoch; comes after `stop`, if there is one.

    `epochs` are finished when training starts, `history` is that of all, before and after.
    """

    stop: keras.callbacks.EarlyStopping | None = None

    def __init__(self, result_cache: ResultCache | None = None, key: str = "") -> None:
        super().__init__()
        self.result_cache, self.key = result_cache, key
        self.kept = read_state(result_cache.get(key) if result_cache else None)
        self.history: dict[str, list[float]] = self.kept["history"] if self.kept else {}

    @property
    def epochs(self) -> int:
        return len(self.history.get("loss", []))

    @property
    def ended(self) -> bool:
        """Had it stopped early?"""
        return bool(self.stop and self.kept and self.kept["stopping"]["wait"] >= self.stop.patience)

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self.kept:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(self.variables(), self.kept["variables"], strict=True):
            variable.assign(value)
        if self.stop:
            for name in STOPPING:
                setattr(self.stop, name, self.kept["stopping"][name])
            self.stop.best_weights = self.kept["best"] or None
        print(f"train: goes on after epoch {self.epochs}", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.result_cache:
            self.result_cache.set(self.key, self.state())

    def state(self) -> bytes:
        arrays = {f"variable{number:04d}": np.asarray(one) for number, one in enumerate(self.variables())}
        plain: dict[str, Any] = {"history": self.history}
        if self.stop:
            arrays |= {f"best{number:04d}": one for number, one in enumerate(self.stop.best_weights or [])}
            plain["stopping"] = {name: getattr(self.stop, name) for name in STOPPING}
        target = io.BytesIO()
        np.savez(target, plain=np.array(json.dumps(plain, default=float)), **arrays)  # type: ignore[arg-type]
        return target.getvalue()

    def variables(self) -> list:
        """Weights, the states of random generators, and the optimizer's."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def forget(self) -> None:
        """All is saved: the next training begins at the beginning."""
        if self.result_cache:
            self.result_cache.forget(self.key)


def read_state(data: bytes | None) -> dict[str, Any] | None:
    """What `Checkpoint` kept; None if it did not, or cannot be read."""
    try:
        with np.load(io.BytesIO(data or b"")) as kept:
            state = json.loads(str(kept["plain"]))
            for kind in ("variable", "best"):
                names = sorted(name for name in kept.files if name.startswith(kind))
                state["variables" if kind == "variable" else kind] = [kept[name] for name in names]
            return state
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return None
