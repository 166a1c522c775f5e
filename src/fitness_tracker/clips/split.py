"""Assigns groups to folds. Each member of a classifier learns from all folds but its own."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping

from fitness_tracker.clips.folder import ClipsError
from fitness_tracker.core.params import Split

MAX_FOLD_LOAD = 1.25  # of its fair share of an exercise's groups: a fold takes no more
ATTEMPTS = 100


def assign_folds(exercises: Mapping[str, set[str]], folds: int, seed: int) -> dict[str, int]:
    """Group to fold, 0 to folds - 1, stratified by exercise; `exercises` maps each group to the exercises it shows.

    Where there are fewer groups than `folds`, there are as many folds as groups. Raises `ClipsError` if no attempt puts
    each exercise into two folds.
    """
    groups_of: dict[str, list[str]] = defaultdict(list)
    for group in sorted(exercises):
        for exercise in exercises[group]:
            groups_of[exercise].append(group)
    folds = min(folds, len(exercises))
    for attempt in range(ATTEMPTS):
        assigned = fill_folds(exercises, groups_of, folds, f"{seed}/{attempt}")
        if all(len({assigned[group] for group in groups}) > 1 for groups in groups_of.values()):
            return assigned
    raise ClipsError("no way was found to have every exercise in two folds; record more people")


def fill_folds(
    exercises: Mapping[str, set[str]], groups_of: Mapping[str, list[str]], folds: int, salt: str
) -> dict[str, int]:
    """Group to fold by consistent hashing with bounded loads (Mirrokni et al. 2018), a bound for each exercise.

    The group's name and `salt` decide in which order it prefers folds. It goes to the first in which none of its
    exercises is full, else to that with the fewest full ones. So groups that come or go move few others.
    """
    capacity = {}
    for exercise, groups in groups_of.items():
        share = len(groups) / folds
        capacity[exercise] = min(len(groups) - 1, max(math.ceil(share), math.floor(MAX_FOLD_LOAD * share)))
    loads: Counter[tuple[str, int]] = Counter()
    assigned = {}
    for group in sorted(exercises, key=lambda name: unit_hash(f"{salt}/{name}")):
        shown = exercises[group]
        preference = sorted(range(folds), key=lambda fold: unit_hash(f"{salt}/{group}/{fold}"))
        full = [sum(loads[exercise, fold] >= capacity[exercise] for exercise in shown) for fold in preference]
        assigned[group] = preference[full.index(min(full))]
        loads.update((exercise, assigned[group]) for exercise in shown)
    return assigned


def check_groups(groups: Mapping[str, str]) -> None:
    """Raises `ClipsError` if there is only one exercise, or one with only one group; `groups`: clip name to group."""
    groups_of: dict[str, set[str]] = defaultdict(set)
    for name, group in groups.items():
        groups_of[name.split("/")[0]].add(group)
    if len(groups_of) < 2:
        raise ClipsError(f"'{''.join(groups_of)}' is the only exercise; add a folder for at least one more")
    for exercise, shown_by in sorted(groups_of.items()):
        if len(shown_by) < 2:
            raise ClipsError(
                f"{exercise}: all clips belong to the one group '{min(shown_by)}', so nobody unseen is left to test "
                "on; add clips of other people, or correct split.group"
            )


def unit_hash(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def fold_clips(groups: Mapping[str, str], split: Split) -> dict[str, int]:
    """Clip name to fold, given the group of each; all clips of a group are in one. Raises `ClipsError`."""
    check_groups(groups)
    exercises: dict[str, set[str]] = defaultdict(set)
    for name, group in groups.items():
        exercises[group].add(name.split("/")[0])
    folds = assign_folds(exercises, split.folds, split.seed)
    return {name: folds[group] for name, group in groups.items()}


def describe_folds(folds: Mapping[str, int]) -> str:
    """One line: how many clips each fold holds."""
    count = Counter(folds.values())
    return ", ".join(str(count[fold]) for fold in range(max(count) + 1))
