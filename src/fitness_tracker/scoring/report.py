"""What a pull request changes, as Markdown: metrics, parameters, exercises, stages. Reads nothing but Git.

Metrics, parameters and dvc.lock are in Git, so neither data nor a secret is needed. All text that comes from a revision
stands in code spans, where neither mentions nor HTML nor table bars work.
"""

import csv
import hashlib
import io
import json
import math
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from fitness_tracker.errors import UserError

METRICS = ("metrics/train.json", "metrics/evaluate.json")


EXERCISES = "metrics/f1.csv"


HIGHER, LOWER = ("accuracy", "f1"), ("loss", "ece")  # endings: which way is better; others are neither


TESTED = ("clips", "groups", "split.", "videos")  # where these change, other clips are tested


MOVED = 0.00005  # what four decimals show


@dataclass(frozen=True)
class State:
    """What a revision says of itself; a file that it does not have is empty here."""

    metrics: dict[str, float]
    exercises: dict[str, float]  # F1
    params: dict[str, str]  # dotted
    stages: dict[str, dict[str, str]]  # of dvc.lock: stage -> what it read, ran and wrote -> its hash or value
    stale_lock_entries: list[str]  # files and parameters that are not those of its own dvc.lock


class Change(NamedTuple):
    name: str
    old: float | None
    new: float | None
    gain: float  # by how much it got better; less than 0 if it got worse, 0 if neither can be said


def git(*arguments: str) -> bytes | None:
    """What Git says; None if it fails. Raises `UserError` where there is no Git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("git is not installed") from None
    return None if done.returncode else done.stdout


def read_state(revision: str) -> State:
    """Raises `UserError` if there is no such revision, or a file in it cannot be read."""
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise UserError(f"{revision}: no such revision here (fetch it, or run this inside the repository)")

    def show(path: str) -> bytes | None:
        return git("show", f"{commit.decode().strip()}:./{path}")

    def parsed(path: str, parse: Callable[[str], Any]) -> Any:
        try:
            return parse((show(path) or b"").decode() or "{}")
        except (ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise UserError(f"{revision}: {path} cannot be read: {' '.join(str(error).split())}") from None

    params = parsed("params.yaml", lambda text: flat(yaml.safe_load(text)))
    lock = parsed("dvc.lock", lambda text: dict(yaml.safe_load(text).get("stages", {})))
    metrics = {name: value for path in METRICS for name, value in parsed(path, read_metrics).items()}
    stages = parsed("dvc.lock", lambda _: {name: entries(stage) for name, stage in sorted(lock.items())})
    exercises = parsed(EXERCISES, read_exercises)
    return State(metrics, exercises, params, stages, stale_lock_entries(stages, params, show))


def flat(tree: Any, before: str = "") -> dict[str, str]:
    """Nested mappings as one, with dotted keys."""
    if not isinstance(tree, Mapping):
        return {before[:-1]: json.dumps(tree, ensure_ascii=False, default=str)} if before else {}
    return {key: value for name, one in tree.items() for key, value in flat(one, f"{before}{name}.").items()}


def entries(stage: Mapping[str, Any]) -> dict[str, str]:
    """What a stage of dvc.lock read, ran and wrote."""
    files = {str(one["path"]): str(one["md5"]) for one in [*stage.get("deps", []), *stage.get("outs", [])]}
    params = {f"params.yaml:{name}": value for name, value in flat(stage.get("params", {}).get("params.yaml")).items()}
    return {"cmd": str(stage["cmd"])} | files | params


def read_metrics(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in json.loads(text).items() if math.isfinite(value)}


def read_exercises(text: str) -> dict[str, float]:
    return {row["exercise"]: float(row["f1"]) for row in csv.DictReader(io.StringIO(text))} if text != "{}" else {}


def stale_lock_entries(
    stages: Mapping[str, Mapping[str, str]], params: Mapping[str, str], show: Callable[[str], bytes | None]
) -> list[str]:
    """The files in Git and parameters that dvc.lock knows otherwise: its numbers do not belong to them."""
    known = {name: value for stage in stages.values() for name, value in stage.items() if name != "cmd"}
    wrong = []
    for name, value in sorted(known.items()):
        if name.startswith("params.yaml:"):
            differs = params.get(name.removeprefix("params.yaml:")) != value
        else:
            content = None if value.endswith(".dir") else show(name)
            differs = content is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() != value
        wrong += [name] if differs else []
    return wrong


def better(metric: str) -> int:
    """1 if more of it is better, -1 if less is, 0 if neither."""
    last = metric.rsplit("_", 1)[-1]
    return (last in HIGHER) - (last in LOWER)


def changes(old: Mapping[str, float], new: Mapping[str, float], better: Callable[[str], int] = better) -> list[Change]:
    """What came, went or moved, the worst first."""
    found = []
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            found.append(Change(name, old.get(name), new.get(name), 0.0))
        elif abs(new[name] - old[name]) >= MOVED:
            found.append(Change(name, old[name], new[name], (new[name] - old[name]) * better(name)))
    return sorted(found, key=lambda one: one.gain)


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def other_clips(base: State, head: State) -> list[str]:
    """What says that the scores of the two are not of the same clips."""
    if not base.metrics:
        return []
    moved = [one.name for one in changes(base.metrics, head.metrics)] + differences(base.params, head.params)
    videos = json.loads(head.params.get("videos", '""'))
    old, new = (one.stages.get("resize", {}).get(videos) for one in (base, head))
    return [name for name in moved if name.startswith(TESTED)] + ([videos] if old != new else [])


def verdict(base: State, head: State, max_drop: float | None) -> tuple[str, bool]:
    """(one line, may it be merged?)"""
    if head.stale_lock_entries:
        told = ", ".join(code(name) for name in head.stale_lock_entries[:5]) + (
            ", …" if len(head.stale_lock_entries) > 5 else ""
        )
        return f"❌ **These numbers do not belong to this code**: {told} is not what `dvc.lock` knows.", False
    old, new = base.metrics.get("f1"), head.metrics.get("f1")
    if new is None:
        return "❌ **There is no F1**: run `make repro` and commit `dvc.lock` and `metrics/`.", old is None
    if old is None:
        return f"✅ **F1 is {new:.4f}**; the base has none.", True
    fell = max_drop is not None and old - new > max_drop + 1e-9
    word = "rose" if new > old else "fell"
    moved = abs(new - old) >= MOVED
    told = f"F1 {word} from {old:.4f} to {new:.4f}" if moved else f"F1 stays at {new:.4f}"
    told = f"**{told}**" + (f", by more than {max_drop:g}" if fell else "")
    if why := other_clips(base, head):
        told += f"; but other clips are tested ({', '.join(map(code, why[:5]))}), so the two do not compare"
    return f"{'❌' if fell else '⚠️' if why or (moved and new < old) else '✅'} {told}.", not fell


def code(text: object) -> str:
    """As a code span in a table's cell, on one line."""
    line = " ".join(str(text).replace("`", "'").split()).replace("|", "\\|")
    return f"`{line}`" if line else ""


def table(head: str, rows: list[str]) -> str:
    columns = head.count("|") - 1
    return "\n".join([head, "|" + " --- |" * columns, *rows])


def row(change: Change) -> str:
    """Four decimals; but counts, of which neither more nor less is better, as they are."""
    form = ".4f" if change.gain else ".6g"
    if change.old is None or change.new is None:
        old, new = ("-" if value is None else f"{value:.6g}" for value in (change.old, change.new))
        return f"| {code(change.name)} | {old} | {new} | |"
    moved = change.new - change.old
    sign = "" if change.gain == 0 else " (worse)" if change.gain < 0 else " (better)"
    arrow = "▲" if moved > 0 else "▼"
    return f"| {code(change.name)} | {change.old:{form}} | {change.new:{form}} | {arrow} {moved:+{form}}{sign} |"


def report(base: State, head: State, max_drop: float | None) -> tuple[str, bool]:
    """(Markdown, may it be merged?) of what `head` changes in `base`; F1 may fall by `max_drop`, None: by anything."""
    line, good = verdict(base, head, max_drop)
    parts = [line]
    if metrics := changes(base.metrics, head.metrics):
        parts.append(table("| metric | base | head | change |", [row(one) for one in metrics]))
    if exercises := changes(base.exercises, head.exercises, lambda _: 1):
        parts.append(table("| F1 of | base | head | change |", [row(one) for one in exercises]))
    if params := differences(base.params, head.params):
        cells = [
            f"| {code(name)} | {code(base.params.get(name, ''))} | {code(head.params.get(name, ''))} |"
            for name in params
        ]
        parts.append(table("| parameter | base | head |", cells))
    stages = []
    for stage in sorted({*base.stages, *head.stages}):
        if moved := differences(base.stages.get(stage, {}), head.stages.get(stage, {})):
            stages.append(f"| {code(stage)} | {', '.join(code(name) for name in moved)} |")
    if stages:
        parts.append(table("| stage | what changed in its lock |", stages))
    return "\n\n".join(parts), good
