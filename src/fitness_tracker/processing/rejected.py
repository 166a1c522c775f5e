"""The list of clips that were set aside, carried along from stage to stage."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fitness_tracker.core.files import write_text

REJECTED = ".rejected.csv"  # in an out: what was set aside on the way to it


class Rejected(NamedTuple):
    """A clip that was set aside, by which stage, and why."""

    clip: str
    stage: str
    reason: str


def read_rejected(path: Path) -> list[Rejected]:
    """What `write_rejected` wrote; nothing, if it is not there."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Rejected(**row) for row in csv.DictReader(file)]


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(Rejected._fields)
    rows.writerows(sorted(rejected))
    write_text(path, table.getvalue())
