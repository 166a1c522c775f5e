"""The table of clips that were set aside, which each stage copies from the stage before and adds to."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fitness_tracker.core.files import write_text

REJECTED = ".rejected.csv"  # in the out of each stage


class Rejected(NamedTuple):
    """A clip that was set aside."""

    clip: str  # its name
    stage: str
    reason: str


def read_rejected(path: Path) -> list[Rejected]:
    """Reads what `write_rejected` wrote; an empty list if there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Rejected(**row) for row in csv.DictReader(file)]


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    """Writes them as CSV, sorted."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(Rejected._fields)
    rows.writerows(sorted(rejected))
    write_text(path, table.getvalue())
