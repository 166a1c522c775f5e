"""What the audit finds, and how it is shown: as lines of text, and as one HTML page with pictures."""

import base64
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from fitness_tracker.audit.fingerprints import Fingerprint
from fitness_tracker.core.errors import printable
from fitness_tracker.evaluation.templates import render

PICTURES = 6  # of a finding, at most


class Finding(NamedTuple):
    """A possible cause of misleading scores."""

    kind: str
    clips: tuple[str, ...]  # names
    text: str  # what is wrong, and what to do about it


def finding_lines(findings: Sequence[Finding]) -> str:
    """A line for each finding."""
    width = max((len(finding.kind) for finding in findings), default=0)
    lines = []
    for kind, clips, text in findings:
        names = ", ".join(clips[:2]) + (f" and {len(clips) - 2} more" if len(clips) > 2 else "")
        lines.append(printable(f"{kind:{width}}  {names + ': ' if names else ''}{text}"))
    return "\n".join(lines)


def findings_page(findings: Sequence[Finding], fingerprints: dict[str, Fingerprint], videos: Path) -> str:
    """The findings, sorted by kind, as one HTML page for a browser; the pictures are in it."""
    shown = {name for finding in findings for name in finding.clips[:PICTURES] if name in fingerprints}
    return render(
        __package__,
        "findings.html.jinja",
        videos=str(videos),
        clips=len(fingerprints),
        findings=findings,
        kinds=[(kind, list(of_kind)) for kind, of_kind in groupby(findings, key=lambda finding: finding.kind)],
        pictures={name: base64.b64encode(fingerprints[name].picture).decode() for name in shown},
        most_pictures=PICTURES,
    )
