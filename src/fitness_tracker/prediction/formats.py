"""How answers are printed: as JSON, one object a line; as CSV, one segment a line; or as a table for people."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fitness_tracker.answering.answer import Answer, Segment, is_unknown
from fitness_tracker.core.errors import printable

COLUMNS = ("path", "start_s", "end_s", "exercise", "confidence", "repetitions", "held_s", "error")

Printers = tuple[Callable[[], None], Callable[[Path, Answer], None], Callable[[Path, str], None]]


def choose(as_json: bool, as_csv: bool, files: Sequence[Path]) -> Printers:
    """What prints the header, the answer for a file, and that a file failed."""
    if as_json:
        return (
            lambda: None,
            lambda path, answer: print(json.dumps({"path": str(path), **answer.to_json()}), flush=True),
            lambda path, error: print(json.dumps({"path": str(path), "error": error}), flush=True),
        )
    if as_csv:
        table = csv.DictWriter(sys.stdout, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
        return (
            table.writeheader,
            lambda path, answer: table.writerows({"path": path, **vars(segment)} for segment in answer.segments),
            lambda path, error: table.writerow({"path": path, "error": error}),
        )
    width = max(len(printable(path)) for path in files)
    return (
        lambda: None,
        lambda path, answer: print("\n".join(lines(f"{printable(path):{width}}", answer)), flush=True),
        lambda path, error: print(f"{printable(path):{width}}  failed: {printable(error)}", flush=True),
    )


def lines(path: str, answer: Answer) -> list[str]:
    """A line for the clip, and one for each of its segments if there are several."""
    first = f"{path}  {describe(answer)}"
    if len(answer.segments) == 1:
        return [first]
    return [first, *(f"  {clock(one.start_s)} to {clock(one.end_s)}  {describe(one)}" for one in answer.segments)]


def describe(answer: Answer | Segment) -> str:
    """'squat  97%  8 repetitions'; of what is not known: 'unknown exercise  80%  8 repetitions'."""
    name = answer.exercise
    if is_unknown(answer):
        name = "unknown exercise"
    text = f"{name:<17} {answer.confidence:4.0%}"
    if answer.repetitions is not None:
        text += f"  {answer.repetitions} repetition{'s' * (answer.repetitions != 1)}"
    if answer.held_s is not None:
        text += f"  held for {answer.held_s:g} s"
    return text


def clock(seconds: float) -> str:
    """'1:02:03', or '2:03' below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
