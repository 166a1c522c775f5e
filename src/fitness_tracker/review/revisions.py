"""Two revisions as DVC reads them out of Git: metrics, parameters, answers, stages. Needs neither data nor a secret.

What DVC does not do without data is done here: what changed in dvc.lock, stage by stage (`dvc diff` needs the lists of
all folders), and whether the lock belongs to its revision (`dvc status` looks at the workspace only).
"""

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

from fitness_tracker.core.errors import UserError
from fitness_tracker.review.partial_clone import fetch_missing_objects

ANSWERS = "metrics/answers.csv"
HIGHER, LOWER = (
    ("accuracy", "f1"),
    ("loss", "ece"),
)  # ends of names: which way is better; of others neither
SMALLEST_CHANGE = 0.00005  # that four decimals show


class Change(NamedTuple):
    """A score at two revisions; None where a revision has none."""

    name: str
    old: float | None
    new: float | None
    gain: float  # by how much it got better; negative if it got worse, 0 where neither way is better

    @classmethod
    def of_metric(cls, name: str, old: Any, new: Any) -> "Change":
        """The end of `name` says which way is better; values that are not finite numbers count as missing."""
        old, new = (value if is_number(value) else None for value in (old, new))
        ending = name.rsplit("_", 1)[-1]
        better = (ending in HIGHER) - (ending in LOWER)
        return cls(name, old, new, 0.0 if old is None or new is None else (new - old) * better)

    def moved(self) -> bool:
        return self.old is None or self.new is None or abs(self.new - self.old) >= SMALLEST_CHANGE


@dataclass(frozen=True)
class State:
    """What the files of one revision hold."""

    answers: pd.DataFrame | None  # clip, group, truth, answer: text; None where there is no such table
    stages: dict[str, dict[str, str]]  # stage -> what it reads, runs and writes -> its hash or value
    stale_lock_entries: list[str]  # what differs from its own dvc.lock


@dataclass(frozen=True)
class Revisions:
    base: State
    head: State
    metrics: dict[str, Change]
    params: dict[str, tuple[Any, Any]]  # dotted name -> old and new value, of those that differ


def read_revisions(base: str, head: str) -> Revisions:
    """Raises `UserError` if there is no such revision, or a file in it cannot be read."""
    try:
        with open_repository() as repo:
            commits = {name: commit_hash(repo, name) for name in (base, head)}
            fetch_missing_objects(repo.scm.root_dir, commits.values())
            states = {name: read_state(repo, name, commit) for name, commit in commits.items()}
            metrics, params = (old_and_new_values(kind, commits, base, head) for kind in (repo.metrics, repo.params))
    except DvcException as error:
        raise UserError(one_line(error)) from None
    changes = {name: Change.of_metric(name, *values) for name, values in metrics.items()}
    changed_params = {name: values for name, values in params.items() if values[0] != values[1]}
    return Revisions(states[base], states[head], changes, changed_params)


def open_repository() -> Repo:
    try:
        return Repo()
    except (RuntimeError, KeyError):  # a container's user who is only a number has neither
        raise UserError("DVC needs a home folder and a user's name: set HOME and USER") from None


def commit_hash(repo: Repo, name: str) -> str:
    try:
        return str(repo.scm.resolve_commit(resolve_rev(repo.scm, name or "/")).hexsha)  # '' would be HEAD
    except (DvcException, SCMError, AttributeError):  # the last where `name` is a file
        raise UserError(f"{name}: no such revision here (fetch it, or run this inside the repository)") from None


def old_and_new_values(kind: Any, commits: Mapping[str, str], base: str, head: str) -> dict[str, tuple[Any, Any]]:
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


def is_number(value: Any) -> bool:
    """A finite one; True and False do not count."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_state(repo: Repo, name: str, commit: str) -> State:
    """What DVC finds in a commit; messages call it `name`."""
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
    """A stage's command, and what it reads and writes according to dvc.lock, with the hash or value of each."""
    entries = {"cmd": str(stage.cmd)}
    for entry in [*stage.deps, *stage.outs]:
        if isinstance(entry, ParamsDependency):
            entries |= {f"{entry}:{name}": str(value) for name, value in flatten(entry.hash_info.value or {}).items()}
        else:
            entries[str(entry)] = str(entry.hash_info.value)
    return entries


def stale_lock_entries(repo: Repo, stage: PipelineStage) -> list[str]:
    """Command, parameters and files of a stage that differ from dvc.lock: its numbers do not belong to them.

    What only DVC's cache holds, not Git, is left out.
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
    """DVC's hash of a file or folder as Git has it. (DVC itself ignores .dvcignore there.)"""
    if not entry.isdir():
        return str(hash_file(entry.fs_path, repo.fs, "md5")[1].value)
    tree = Tree()
    for path in repo.dvcignore.find(repo.fs, entry.fs_path):
        tree.add(repo.fs.relparts(path, entry.fs_path), None, hash_file(path, repo.fs, "md5")[1])
    tree.digest()
    return str(tree.oid)
