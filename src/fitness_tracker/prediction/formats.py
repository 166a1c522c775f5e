"""How answers are printed: as JSON, one object a line; as CSV, one segment a line; or as a table for people."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.core.errors import printable

CSV_COLUMNS = ("path", "start_s", "end_s", "exercise", "confidence", "repetitions", "held_s", "error")

Printers = tuple[Callable[[], None], Callable[[Path, Answer], None], Callable[[Path, str], None]]


def choose_printers(as_json: bool, as_csv: bool, files: Sequence[Path]) -> Printers:
    """Three functions: they print the header, the answer for a file, and why a file failed."""
    if as_json:
        return (
            lambda: None,
            lambda path, answer: print(json.dumps({"path": str(path), **answer.to_json()}), flush=True),
            lambda path, error: print(json.dumps({"path": str(path), "error": error}), flush=True),
        )
    if as_csv:
        table = csv.DictWriter(sys.stdout, CSV_COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")

        def write(rows: Iterable[dict[str, object]]) -> None:
            table.writerows(rows)
            sys.stdout.flush()

        return (
            table.writeheader,
            lambda path, answer: write(csv_row(path, segment) for segment in answer.segments),
            lambda path, error: write([{"path": printable(path), "error": printable(error)}]),
        )
    width = max(len(printable(path)) for path in files)
    return (
        lambda: None,
        lambda path, answer: print("\n".join(answer_lines(f"{printable(path):{width}}", answer)), flush=True),
        lambda path, error: print(f"{printable(path):{width}}  failed: {printable(error)}", flush=True),
    )


def csv_row(path: Path, segment: Segment) -> dict[str, object]:
    confidence = round(segment.confidence, 4)
    return {"path": printable(path), **vars(segment), "exercise": printable(segment.exercise), "confidence": confidence}


def answer_lines(path: str, answer: Answer) -> list[str]:
    """A line for the clip, and one for each of its segments if there are several."""
    remarks = "  several people" * answer.several_people + "  turned upright" * (answer.turned != 0)
    lines = [f"{path}  {summary(answer)}{remarks}"]
    if len(answer.segments) > 1:
        for one in answer.segments:
            lines.append(f"  {format_time(one.start_s)} to {format_time(one.end_s)}  {summary(one)}")
    return lines


def summary(answer: Answer | Segment) -> str:
    """'squat  97%  8 repetitions', 'none  80%', or 'unknown exercise  80%  8 repetitions'."""
    name = "unknown exercise" if answer.is_unknown_exercise else printable(answer.exercise)
    text = f"{name:<17} {answer.confidence:4.0%}"
    if answer.repetitions is not None:
        text += f"  {answer.repetitions} repetition{'s' * (answer.repetitions != 1)}"
    if answer.held_s is not None:
        text += f"  held for {answer.held_s:g} s"
    return text


def format_time(seconds: float) -> str:
    """'1:02:03', or '2:03' below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
