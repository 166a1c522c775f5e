"""What a pull request changes, as Markdown: metrics, parameters, exercises, stages. Needs neither data nor a secret.

DVC reads both revisions out of Git, and compares metrics and parameters. What it cannot do without data is done here:
what moved in dvc.lock, stage by stage (`dvc diff` asks for the lists of all folders), whether the lock belongs to its
revision (`dvc status` knows the workspace only), and whether a change of F1 is noise. All text from a revision stands
in code spans, where neither mentions nor HTML nor table bars work.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.scm import resolve_rev
from dvc.stage import PipelineStage
from dvc.utils.flatten import flatten
from dvc_data.hashfile.hash import hash_file
from dvc_data.hashfile.tree import Tree
from scmrepo.exceptions import SCMError

from fitness_tracker.errors import UserError
from fitness_tracker.scoring.intervals import (
    f1_by_exercise,
    f1_difference_interval,
    f1_differences_by_exercise,
    macro_f1,
)

ANSWERS = "metrics/answers.csv"
HIGHER, LOWER = ("accuracy", "f1"), ("loss", "ece")  # endings: which way is better; others are neither
MOVED = 0.00005  # what four decimals show


class Change(NamedTuple):
    name: str
    old: float | None
    new: float | None
    gain: float  # by how much it got better; less than 0 if it got worse, 0 if neither can be said

    def moved(self) -> bool:
        return self.old is None or self.new is None or abs(self.new - self.old) >= MOVED


@dataclass(frozen=True)
class State:
    """What a revision's own files say."""

    answers: pd.DataFrame | None  # clip, group, truth, answer: text; None where there is no such table
    stages: dict[str, dict[str, str]]  # stage -> what it reads, runs and writes -> its hash or value
    stale_lock_entries: list[str]  # what is not as its own dvc.lock knows it


@dataclass(frozen=True)
class Revisions:
    base: State
    head: State
    metrics: dict[str, Change]
    params: dict[str, tuple[Any, Any]]  # dotted name -> old and new value, of those that differ


class Comparison(NamedTuple):
    """Macro F1 of two revisions on the clips that both tested; (low, high) is the 95 % interval of the difference."""

    old: float
    new: float
    low: float
    high: float
    clips: int
    groups: int
    exercises: list[tuple[Change, float, float]]  # F1 of each, and the interval of its difference


def read_revisions(base: str, head: str) -> Revisions:
    """Raises `UserError` if there is no such revision, or a file in it cannot be read."""
    try:
        with Repo() as repo:
            commits = {name: resolve(repo, name) for name in (base, head)}
            states = {name: read_state(repo, name, commit) for name, commit in commits.items()}
            metrics, params = (compare(kind, commits, base, head) for kind in (repo.metrics, repo.params))
    except DvcException as error:
        raise UserError(one_line(error)) from None
    changes = {name: change(name, *map(number, values)) for name, values in metrics.items()}
    return Revisions(
        states[base], states[head], changes, {name: both for name, both in params.items() if both[0] != both[1]}
    )


def resolve(repo: Repo, name: str) -> str:
    """The hash of the commit."""
    try:
        return str(repo.scm.resolve_commit(resolve_rev(repo.scm, name or "/")).hexsha)  # '' would be HEAD
    except (DvcException, SCMError, AttributeError):  # the last where `name` is a file
        raise UserError(f"{name}: no such revision here (fetch it, or run this inside the repository)") from None


def compare(kind: Any, commits: Mapping[str, str], base: str, head: str) -> dict[str, tuple[Any, Any]]:
    """Dotted name -> old and new value, sorted, as `dvc metrics diff --all` or `dvc params diff --all` have them."""
    found = kind.diff(commits[base], commits[head], all=True)
    for name, commit in commits.items():
        for path, error in found.get("errors", {}).get(commit, {}).items():
            if not isinstance(error, FileNotFoundError):
                raise UserError(f"{name}: {path} cannot be read: {one_line(error)}")
    values = {key: (one["old"], one["new"]) for file in found.get("diff", {}).values() for key, one in file.items()}
    return dict(sorted(values.items()))


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def number(value: Any) -> float | None:
    """None for what is no finite number."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def change(name: str, old: float | None, new: float | None) -> Change:
    last = name.rsplit("_", 1)[-1]
    better = (last in HIGHER) - (last in LOWER)
    return Change(name, old, new, 0.0 if old is None or new is None else (new - old) * better)


def read_state(repo: Repo, name: str, commit: str) -> State:
    """What DVC finds in a commit; `name` is what messages call it."""
    with repo.switch(commit):
        try:
            stages = [stage for stage in repo.index.stages if isinstance(stage, PipelineStage)]
            stale = sorted({entry for stage in stages for entry in stale_lock_entries(repo, stage)})
        except DvcException as error:
            raise UserError(f"{name}: {one_line(error)}") from None
        return State(read_answers(repo, name), {stage.name: lock_entries(stage) for stage in stages}, stale)


def read_answers(repo: Repo, name: str) -> pd.DataFrame | None:
    if not repo.fs.exists(path := repo.fs.join(repo.root_dir, ANSWERS)):
        return None
    try:
        with repo.fs.open(path, encoding="utf-8") as file:
            table = pd.read_csv(file, dtype=str, keep_default_na=False)[["clip", "group", "truth", "answer"]]
        if table["clip"].duplicated().any():
            raise ValueError("a clip stands in it twice")
    except (ValueError, KeyError) as error:
        raise UserError(f"{name}: {ANSWERS} cannot be read: {one_line(error)}") from None
    return table


def lock_entries(stage: PipelineStage) -> dict[str, str]:
    """What a stage runs, and by dvc.lock reads and writes, with the hash or value of each."""
    entries = {"cmd": str(stage.cmd)}
    for entry in [*stage.deps, *stage.outs]:
        if isinstance(entry, ParamsDependency):
            entries |= {f"{entry}:{name}": str(value) for name, value in flatten(entry.hash_info.value or {}).items()}
        else:
            entries[str(entry)] = str(entry.hash_info.value)
    return entries


def stale_lock_entries(repo: Repo, stage: PipelineStage) -> list[str]:
    """Command, parameters and files of a stage that dvc.lock knows otherwise: its numbers do not belong to them.

    What is in no Git but in the cache of DVC is left out.
    """
    stale = [f"{stage.name}: cmd"] if stage.cmd_changed else []
    for entry in [*stage.deps, *stage.outs]:
        if isinstance(entry, ParamsDependency):
            stale += [f"{entry}:{name}" for names in entry.workspace_status().values() for name in names]
        elif entry.is_in_repo and entry.exists:
            stale += [str(entry)] if git_hash(repo, entry) != entry.hash_info.value else []
        elif entry.is_in_repo and not any(
            out.use_cache and repo.fs.isin_or_eq(entry.fs_path, out.fs_path) for out in repo.index.outs
        ):
            stale.append(f"{entry} (deleted)")
    return stale


def git_hash(repo: Repo, entry: Output) -> str:
    """DVC's hash of a file or folder as Git has it. (DVC itself does not heed .dvcignore in Git's folders.)"""
    if not entry.isdir():
        return str(hash_file(entry.fs_path, repo.fs, "md5")[1].value)
    tree = Tree()
    for path in repo.dvcignore.find(repo.fs, entry.fs_path):
        tree.add(repo.fs.relparts(path, entry.fs_path), None, hash_file(path, repo.fs, "md5")[1])
    tree.digest()
    return str(tree.oid)


def compare_answers(base: pd.DataFrame | None, head: pd.DataFrame | None) -> Comparison | None:
    """With the groups of `head`, of tables as in `State`. None if one has none, or if no clip is in both."""
    if base is None or head is None or (both := base.merge(head, on=["clip", "truth"], suffixes=("_old", ""))).empty:
        return None
    truth, old, new, groups = (both[name].to_numpy() for name in ("truth", "answer_old", "answer", "group"))
    before, after = (f1_by_exercise(truth, answer, groups)["f1"] for answer in (old, new))
    intervals = f1_differences_by_exercise(truth, old, new, groups)
    rows = zip(intervals["exercise"], before, after, intervals["low"], intervals["high"], strict=True)
    exercises = [(Change(name, one, other, other - one), low, high) for name, one, other, low, high in rows]
    interval = f1_difference_interval(truth, old, new, groups)
    return Comparison(macro_f1(truth, old), macro_f1(truth, new), *interval, len(both), len(set(groups)), exercises)


def verdict(found: Revisions, comparison: Comparison | None, max_drop: float | None) -> tuple[str, bool]:
    """(one line, may it be merged?)"""
    if stale := found.head.stale_lock_entries:
        names = ", ".join(map(code, stale[:5])) + (", …" if len(stale) > 5 else "")
        return f"❌ **These numbers do not belong to this code**: {names} is not what `dvc.lock` knows.", False
    f1 = found.metrics.get("f1", Change("f1", None, None, 0))
    if f1.new is None:
        return "❌ **There is no F1**: run `make repro` and commit `dvc.lock` and `metrics/`.", f1.old is None
    if f1.old is None:
        return f"✅ **F1 is {f1.new:.3f}**; the base has none.", True
    lost = (0 if found.base.answers is None else len(found.base.answers)) - (comparison.clips if comparison else 0)
    notes = [f"{lost} clips of the base are not tested"] if lost else []
    if comparison:
        old, new, low, high = comparison[:4]
        told = f"{noise(low, high)}** on the {comparison.clips} clips of {comparison.groups} groups that both tested"
    else:  # all of the change counts
        old, new, low, high = f1.old, f1.new, f1.new - f1.old, f1.new - f1.old
        told = f"which may be noise**: no clip is in `{ANSWERS}` of both"
    fell = max_drop is not None and old - new > max_drop + 1e-9 and high < 0
    good = not fell and not (lost and max_drop is not None)
    line = f"**F1 {old:.3f} → {new:.3f}, {told}" if low or high else f"**F1 stays at {new:.3f}**"
    parts = [line, *([f"a drop of more than {max_drop:g}"] if fell else []), *notes]
    return f"{'❌' if not good else '⚠️' if high < 0 or notes else '✅'} {'; '.join(parts)}.", good


def noise(low: float, high: float) -> str:
    """Whether the 95 % interval of a difference tells it from 0."""
    words = "within noise" if low <= 0 <= high else "more than noise"
    return f"{words} ({low:+.3f} to {high:+.3f})".replace("-", "\N{MINUS SIGN}")


def code(text: object) -> str:
    """As a code span in a table's cell, on one line."""
    line = " ".join(str(text).replace("`", "'").split()).replace("|", "\\|")
    return f"`{line}`" if line else ""


def parameter(value: Any) -> str:
    return "" if value is None else code(json.dumps(value, ensure_ascii=False, default=str))


def row(change: Change, *more: str) -> str:
    """Four decimals; but counts, of which neither more nor less is better, as they are."""
    form = ".4f" if change.gain else ".6g"
    old, new = ("-" if value is None else f"{value:{form}}" for value in (change.old, change.new))
    cells = [code(change.name), old, new, ""]
    if change.old is not None and change.new is not None:
        difference = change.new - change.old
        sign = "" if change.gain == 0 else " (worse)" if change.gain < 0 else " (better)"
        cells[-1] = f"{'▲' if difference > 0 else '▼'} {difference:+{form}}{sign}"
    return f"| {' | '.join([*cells, *more])} |"


def report(found: Revisions, max_drop: float | None) -> tuple[str, bool]:
    """(Markdown, may it be merged?). F1 may fall within noise, and by `max_drop` beyond it; None: by anything."""
    comparison = compare_answers(found.base.answers, found.head.answers)
    line, good = verdict(found, comparison, max_drop)
    metrics = sorted(filter(Change.moved, found.metrics.values()), key=lambda one: one.gain)
    exercises = sorted(comparison.exercises if comparison else [], key=lambda one: one[0].gain)
    stages = []
    for stage in sorted({*found.base.stages, *found.head.stages}):
        before, after = (state.stages.get(stage, {}) for state in (found.base, found.head))
        if names := sorted(name for name in {*before, *after} if before.get(name) != after.get(name)):
            stages.append(f"| {code(stage)} | {', '.join(map(code, names))} |")
    tables = {
        "| metric | base | head | change |": [row(one) for one in metrics],
        "| F1 of | base | head | change | 95 % interval |": [
            row(one, noise(low, high)) for one, low, high in exercises if one.moved()
        ],
        "| parameter | base | head |": [
            f"| {code(name)} | {' | '.join(map(parameter, values))} |" for name, values in found.params.items()
        ],
        "| stage | what changed in its lock |": stages,
    }  # fmt: skip
    shown = ["\n".join([head, "|" + " --- |" * (head.count("|") - 1), *rows]) for head, rows in tables.items() if rows]
    return "\n\n".join([line, *shown]), good
