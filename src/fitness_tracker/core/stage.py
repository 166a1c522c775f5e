"""What surrounds every stage: its parameters, errors as one line, and a check that what is recorded is what ran."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from fitness_tracker.core.environment import START_S
from fitness_tracker.core.errors import UserError, exit_with_message
from fitness_tracker.core.params import Params, load_params

HASHED_SUFFIXES = (".py", ".jinja", ".csv", ".npz")  # compared by content; larger data by size and time


@contextmanager
def run_stage(name: str) -> Iterator[Params]:
    """Gives the parameters to the block, and ends the program with one line if the block fails.

    It also fails if parameters, code or inputs are not at its end what they were at its start: DVC writes into dvc.lock
    what the files hold after the stage, whatever it has read.
    """
    with exit_with_message(name):
        params = load_params()
        before = read_dependencies(name, params.videos)
        for path in (Path(path) for path in before if path.endswith((".py", ".jinja"))):
            if START_S < path.stat().st_mtime <= time.time():  # it may have been imported before; no date of the future
                raise UserError(f"{path} changed while it started; run it again")
        yield params
        after = read_dependencies(name, load_params().videos)
        changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise UserError(
                f"{changed[0]}{more} changed while it ran; its results belong to neither version, run it again"
            )


def read_dependencies(name: str, videos: str) -> dict[str, Any]:
    """What the stage depends on by this folder's dvc.yaml: 'params.yaml: <key>' -> value, path of each file -> hash, or
    size and time. Empty where no dvc.yaml has the stage: then nothing is recorded."""
    pipeline = Path("dvc.yaml")
    stage = yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"].get(name, {}) if pipeline.is_file() else {}
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    found = {f"params.yaml: {key}": value_at(values, key) for key in stage.get("params", [])}
    for place in (Path(path.replace("${videos}", videos)) for path in stage.get("deps", [])):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                found[str(path)] = describe_file(path)
    return found


def value_at(values: dict[str, Any], key: str) -> Any:
    """The value of a dotted key."""
    group, _, rest = key.partition(".")
    return value_at(values[group], rest) if rest else values[group]


def describe_file(path: Path) -> object:
    if path.suffix in HASHED_SUFFIXES:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    status = path.stat()
    return status.st_size, status.st_mtime_ns
