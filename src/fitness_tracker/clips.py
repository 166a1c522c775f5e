"""Which clips there are, what they show, whom they belong to, and who is kept for the test."""

import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fitness_tracker.errors import UserError
from fitness_tracker.params import Split

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
TRAIN, VALIDATION, TEST = "train", "validation", "test"
FAIR = 0.5  # of its share


class ClipsError(UserError):
    """The folder of clips cannot be used as it is."""


@dataclass(frozen=True, order=True)
class Clip:
    """One file of one exercise. `name` is its path below the folder, without the ending: 'squat/day1/anna__3'."""

    name: str
    path: Path

    @property
    def exercise(self) -> str:
        return self.name.split("/")[0]


def find_clips(folder: Path, suffixes: tuple[str, ...] = VIDEO_SUFFIXES) -> list[Clip]:
    """All clips `<folder>/<exercise>/**/<clip><suffix>` (any case), sorted by name; hidden files do not count.

    Raises `ClipsError` if there is no such folder or no clip, if a clip lies in no exercise folder, and if two clips
    differ in their ending only.
    """
    if not folder.is_dir():
        raise ClipsError(f"{folder}: no such folder; it must hold <exercise>/<clip>{suffixes[0]}")
    clips: dict[str, Clip] = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.suffix.lower() not in suffixes or any(part.startswith(".") for part in below.parts) or path.is_dir():
            continue
        if len(below.parts) < 2:
            raise ClipsError(f"{path}: lies in no exercise folder; move it to {folder}/<exercise>/{path.name}")
        name = below.with_suffix("").as_posix()
        if name in clips:
            raise ClipsError(f"{path}: differs from {clips[name].path} in its ending only; rename one of them")
        clips[name] = Clip(name, path)
    if not clips:
        raise ClipsError(f"{folder}: holds no clip; put clips into {folder}/<exercise>/ ({', '.join(suffixes)})")
    return sorted(clips.values())


def group_of(clip: Clip, pattern: str) -> str:
    """The clip's group: what `pattern` finds in its file name, or its own name where `pattern` is empty.

    Raises `ClipsError` if the pattern does not find anything, for then nobody knows who is on the clip.
    """
    if not pattern:
        return clip.name
    file = clip.name.split("/")[-1]
    match = re.search(pattern, file)
    if not match or not match[1]:
        raise ClipsError(
            f"{clip.name}: split.group {pattern!r} finds no group in '{file}'; rename it or change split.group"
        )
    return match[1]


def split_groups(exercises: dict[str, set[str]], split: Split) -> dict[str, str]:
    """Assigns every group to train, validation or test: `exercises` maps each group to what it shows.

    A group's part is decided by a hash of its name, so clips that come or go move no other group. Chance alone would
    starve a part of a rare exercise: where it has no group of an exercise, or less than half its fair share, the group
    with the nearest hash is drafted. Only drafts can change when other groups come or go. (A rule that looks at
    nothing but the group itself cannot promise every exercise to every part.) An exercise with two groups is trained
    and tested, not validated. Raises `ClipsError` if an exercise has one group only, or a part cannot be filled.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for group in sorted(exercises):
        for exercise in exercises[group]:
            members[exercise].append(group)
    check_members(members)
    chance = {group: fraction(f"{split.seed}/{group}") for group in exercises}
    border = {TEST: 0.0, VALIDATION: split.test, TRAIN: split.test + split.validation}
    share = {TEST: split.test, VALIDATION: split.validation, TRAIN: 1 - split.test - split.validation}
    parts = {group: max(border, key=lambda p: (border[p] <= chance[group], border[p])) for group in exercises}
    rarest_first = sorted(members, key=lambda exercise: (len(members[exercise]), exercise))

    def least(exercise: str, part: str, fair: float) -> int:
        size = len(members[exercise])
        return 0 if part == VALIDATION and size == 2 else max(1, int(fair * share[part] * size))

    def held(exercise: str, part: str) -> int:
        return sum(parts[group] == part for group in members[exercise])

    def spare(group: str, fair: float) -> bool:
        return all(held(exercise, parts[group]) > least(exercise, parts[group], fair) for exercise in exercises[group])

    for fair in (0.0, FAIR):  # first something of everything, then a fair share of it
        for part, exercise in itertools.product((TEST, TRAIN, VALIDATION), rarest_first):
            while held(exercise, part) < least(exercise, part, fair):
                free = [group for group in members[exercise] if parts[group] != part and spare(group, fair)]
                if not free:
                    break
                parts[min(free, key=lambda group: (abs(chance[group] - border[part]), group))] = part
    for exercise in rarest_first:
        for part in (TRAIN, TEST):
            if not held(exercise, part):
                raise ClipsError(f"{exercise}: no group is left for the {part} part; record it with more people")
    if VALIDATION not in parts.values():
        raise ClipsError(f"{len(parts)} groups are too few for train, validation and test; record more people")
    return parts


def check_members(members: dict[str, list[str]]) -> None:
    if len(members) < 2:
        raise ClipsError(f"'{''.join(members)}' is the only exercise; add a folder for at least one more")
    for exercise in sorted(members):
        if len(members[exercise]) < 2:
            raise ClipsError(
                f"{exercise}: all clips belong to the one group '{members[exercise][0]}', so nobody unseen is left to "
                "test on; add clips of other people, or correct split.group"
            )


def fraction(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def split_clips(clips: Iterable[Clip], split: Split) -> dict[str, str]:
    """Clip name to train, validation or test; all clips of a group go the same way. Raises `ClipsError`."""
    groups = {clip.name: group_of(clip, split.group) for clip in clips}
    exercises: dict[str, set[str]] = defaultdict(set)
    for name, group in groups.items():
        exercises[group].add(name.split("/")[0])
    parts = split_groups(exercises, split)
    return {name: parts[group] for name, group in groups.items()}


def describe_split(parts: dict[str, str]) -> str:
    """One line: how many clips each part holds."""
    count = Counter(parts.values())
    return ", ".join(f"{count[part]} {part}" for part in (TRAIN, VALIDATION, TEST))
