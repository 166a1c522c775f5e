"""What a pull request changes, as Markdown.

`report.md.jinja` puts all text from a revision into code spans, where neither mentions nor HTML nor table bars work.
"""

import json
from typing import Any

from fitness_tracker.evaluation.templates import render
from fitness_tracker.review.revisions import Change, Revisions
from fitness_tracker.review.verdict import compare_answers, noise, verdict


def report(found: Revisions, max_drop: float | None) -> tuple[str, bool]:
    """(Markdown, may it be merged?). F1 may fall within noise, and by `max_drop` beyond it; None: by anything."""
    comparison = compare_answers(found.base.answers, found.head.answers)
    line, good = verdict(found, comparison, max_drop)
    exercises = sorted(comparison.exercises if comparison else [], key=lambda row: row[0].gain)
    markdown = render(
        __package__,
        "report.md.jinja",
        verdict=line,
        metrics=sorted(filter(Change.moved, found.metrics.values()), key=lambda change: change.gain),
        exercises=[(change, noise(low, high)) for change, low, high in exercises if change.moved()],
        params=found.params,
        stages=changed_lock_entries(found),
        change_cells=change_cells,
        json_text=json_text,
    )
    return markdown.rstrip("\n"), good


def changed_lock_entries(found: Revisions) -> dict[str, list[str]]:
    """Stage to the names of what differs in its lock, both sorted; without stages that did not change."""
    changed = {}
    for stage in sorted({*found.base.stages, *found.head.stages}):
        old, new = (state.stages.get(stage, {}) for state in (found.base, found.head))
        if names := sorted(name for name in {*old, *new} if old.get(name) != new.get(name)):
            changed[stage] = names
    return changed


def change_cells(change: Change) -> tuple[str, str, str]:
    """Old and new value, and their difference: with four decimals, but as they are for counts, which have no gain."""
    form = ".4f" if change.gain else ".6g"
    old, new = ("-" if value is None else f"{value:{form}}" for value in (change.old, change.new))
    if change.old is None or change.new is None:
        return old, new, ""
    difference = change.new - change.old
    sign = "" if change.gain == 0 else " (worse)" if change.gain < 0 else " (better)"
    return old, new, f"{'▲' if difference > 0 else '▼'} {difference:+{form}}{sign}"


def json_text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
