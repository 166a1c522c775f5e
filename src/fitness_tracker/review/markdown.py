"""What a pull request changes, as Markdown.

All text from a revision stands in code spans, where neither mentions nor HTML nor table bars work.
"""

import json
from typing import Any

from fitness_tracker.review.revisions import Change, Revisions
from fitness_tracker.review.verdict import code, compare_answers, noise, verdict


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
