"""Whether a change of F1 is noise, and whether a revision may be merged."""

from typing import NamedTuple

import pandas as pd

from fitness_tracker.evaluation.intervals import (
    f1_by_exercise,
    f1_difference_interval,
    f1_differences_by_exercise,
    macro_f1,
)
from fitness_tracker.evaluation.templates import code
from fitness_tracker.review.revisions import ANSWERS, Change, Revisions


class Comparison(NamedTuple):
    """Macro F1 of two revisions on the clips that both tested; `low` to `high`: 95 % interval of the difference."""

    old: float
    new: float
    low: float
    high: float
    clips: int
    groups: int
    exercises: list[tuple[Change, float, float]]  # F1 of each, and the interval of its difference


def compare_answers(base: pd.DataFrame | None, head: pd.DataFrame | None) -> Comparison | None:
    """Of tables as `State.answers`, with the groups of `head`; None if one is missing or no clip is in both."""
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
    """(one line of Markdown, may it be merged?). `max_drop` as in `report`."""
    if stale := found.head.stale_lock_entries:
        names = ", ".join(map(code, stale[:5])) + (", …" if len(stale) > 5 else "")
        return f"❌ **These numbers do not belong to this code**: `dvc.lock` is out of date for {names}.", False
    f1 = found.metrics.get("f1", Change("f1", None, None, 0))
    if f1.new is None:
        return "❌ **There is no F1**: run `make repro` and commit `dvc.lock` and `metrics/`.", f1.old is None
    if f1.old is None:
        return f"✅ **F1 is {f1.new:.3f}**; the base has none.", True
    lost = (0 if found.base.answers is None else len(found.base.answers)) - (comparison.clips if comparison else 0)
    notes = [f"{lost} clips of the base are not tested"] if lost else []
    if comparison:
        old, new, low, high = comparison[:4]
        clips = f"{comparison.clips} clips of {comparison.groups} groups"
        evidence = f"{noise(low, high)}** on the {clips} that both tested"
    else:  # all of the change counts
        old, new, low, high = f1.old, f1.new, f1.new - f1.old, f1.new - f1.old
        evidence = f"which may be noise**: no clip is in `{ANSWERS}` of both"
    fell = max_drop is not None and old - new > max_drop + 1e-9 and high < 0
    good = not fell and not (lost and max_drop is not None)
    line = f"**F1 {old:.3f} → {new:.3f}, {evidence}" if low or high else f"**F1 stays at {new:.3f}**"
    parts = [line, *([f"a drop of more than {max_drop:g}"] if fell else []), *notes]
    return f"{'❌' if not good else '⚠️' if high < 0 or notes else '✅'} {'; '.join(parts)}.", good


def noise(low: float, high: float) -> str:
    """Whether the 95 % interval of a difference excludes 0, and the interval."""
    words = "within noise" if low <= 0 <= high else "more than noise"
    return f"{words} ({low:+.3f} to {high:+.3f})".replace("-", "\N{MINUS SIGN}")
