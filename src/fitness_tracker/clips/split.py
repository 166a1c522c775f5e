"""Splits clips into training, validation and test by group."""

import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable

from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.params import Split

TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TEST, VALIDATION, TRAIN)
FAIR = 0.5  # of its share: so many of an exercise's groups each part gets at least


def split_groups(exercises: dict[str, set[str]], split: Split) -> dict[str, str]:
    """Assigns every group to train, validation or test: `exercises` maps each group to what it shows.

    A group's part is decided by a hash of its name, so adding or removing clips moves no other group. By chance a part
    may get few or none of a rare exercise's groups: where it has less than `FAIR` of its share, the fewest groups that
    mend this are moved, those with the nearest hashes. Only moved groups can change when other groups come or go. (A
    rule that looks at nothing but the group itself cannot promise every exercise to every part.) If there is no such
    split, one group of each exercise in each part suffices, then in training and test alone. Raises `ClipsError` if
    there is none of these.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for group in sorted(exercises):
        for exercise in exercises[group]:
            members[exercise].append(group)
    check_members(members)
    share = {TEST: split.test, VALIDATION: split.validation, TRAIN: 1 - split.test - split.validation}
    for fair, parts in ((FAIR, PARTS), (0.0, PARTS), (0.0, (TEST, TRAIN))):
        least = {
            (exercise, part): max(1, int(fair * share[part] * len(groups)))
            for exercise, groups in members.items()
            for part in parts
        }
        if assigned := assign_groups(members, least, split):
            break
    else:
        raise ClipsError(
            f"{len(exercises)} groups are too few: none of their splits has every exercise in training and in test, "
            "and somebody for validation; record more people"
        )
    return assigned


def assign_groups(
    members: dict[str, list[str]], least: dict[tuple[str, str], int], split: Split
) -> dict[str, str] | None:
    """Group to part, as near to the hashes as `least` (how many groups of an exercise a part needs) allows;
    somebody is always left for validation.

    An integer program: of all assignments that fulfil `least`, the one that minimises the total distance of each
    group's hash from its part's interval of [0, 1), weighted by how many exercises the group shows. None if there is
    none.
    """
    from scipy.optimize import LinearConstraint, milp  # 0.3 s
    from scipy.sparse import csr_array, eye_array, kron

    shows = Counter(group for names in members.values() for group in names)
    groups = sorted(shows)
    ends = {TEST: (0.0, split.test), VALIDATION: (split.test, split.test + split.validation)}
    ends[TRAIN] = (split.test + split.validation, 1.0)
    costs = []
    for group in groups:
        at = unit_hash(f"{split.seed}/{group}")
        away = [max(ends[part][0] - at, at - ends[part][1], 0.0) for part in PARTS]
        costs += [shows[group] * (0.01 + far) if far else 0.0 for far in away]  # 0.01: rather few moves than short ones
    place = {pair: number for number, pair in enumerate(itertools.product(groups, PARTS))}
    wanted = [(members[exercise], part, count) for (exercise, part), count in sorted(least.items())]
    wanted.append((groups, VALIDATION, 1))
    cells = [(row, place[group, part]) for row, (names, part, _) in enumerate(wanted) for group in names]
    enough = csr_array(([1.0] * len(cells), tuple(zip(*cells, strict=True))), (len(wanted), len(place)))
    once = kron(eye_array(len(groups)), [[1.0] * len(PARTS)])
    found = milp(
        costs,
        integrality=[1] * len(place),
        bounds=(0, 1),
        constraints=[LinearConstraint(enough, lb=[count for *_, count in wanted]), LinearConstraint(once, lb=1, ub=1)],
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        return None
    return {group: part for (group, part), number in place.items() if found.x[number] > 0.5}


def check_members(members: dict[str, list[str]]) -> None:
    if len(members) < 2:
        raise ClipsError(f"'{''.join(members)}' is the only exercise; add a folder for at least one more")
    for exercise in sorted(members):
        if len(members[exercise]) < 2:
            raise ClipsError(
                f"{exercise}: all clips belong to the one group '{members[exercise][0]}', so nobody unseen is left to "
                "test on; add clips of other people, or correct split.group"
            )


def unit_hash(text: str) -> float:
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
