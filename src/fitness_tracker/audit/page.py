"""The findings as lines of text, and as one HTML page with pictures."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from fitness_tracker.audit.checks import Finding
from fitness_tracker.audit.fingerprints import Fingerprint


def describe(findings: Sequence[Finding]) -> str:
    """A line for each finding."""
    width = max((len(finding.kind) for finding in findings), default=0)
    lines = []
    for finding in findings:
        more = f" and {len(finding.clips) - 2} more" if len(finding.clips) > 2 else ""
        names = ", ".join(finding.clips[:2]) + more
        lines.append(f"{finding.kind:{width}}  {names + ': ' if names else ''}{finding.what}")
    return "\n".join(lines)


def page(findings: Sequence[Finding], fingerprints: dict[str, Fingerprint], videos: Path) -> str:
    """The findings as one HTML page with pictures in it, for a browser; it needs nothing else."""
    parts, kind = [], ""
    for finding in findings:
        if finding.kind != kind:
            kind = finding.kind
            parts.append(f"<h2>{html.escape(kind)} ({sum(other.kind == kind for other in findings)})</h2>")
        figures = "".join(figure(name, fingerprints[name]) for name in finding.clips[:SHOWN] if name in fingerprints)
        layout = ' class="single"' if len(finding.clips) == 1 else ""
        parts.append(f"<section{layout}>{figures}<p>{html.escape(finding.what)}</p></section>")
    result = (
        f"{len(fingerprints)} clips were looked at; {len(findings)} findings." if findings else "Nothing was found."
    )
    return PAGE.format(videos=html.escape(str(videos)), result=result, findings="".join(parts))


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Audit of {videos}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1b2a41; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .4rem; }}
section {{ border-top: 1px solid #d5dae2; padding: .8rem 0; }} p {{ margin: 0 0 .6rem; }}
section.single {{ display: inline-block; width: 160px; margin-right: 1.2rem; vertical-align: top; font-size: 13px; }}
figure {{ display: inline-block; margin: 0 .6rem .6rem 0; width: 160px; vertical-align: top; }}
figcaption {{ font-size: 12px; color: #5a6678; overflow-wrap: anywhere; }} img {{ display: block; border-radius: 4px; }}
</style></head><body><h1>Audit of {videos}</h1><p>{result}</p>{findings}</body></html>
"""


SHOWN = 6  # pictures of a finding


def figure(name: str, of_clip: Fingerprint) -> str:
    picture = base64.b64encode(of_clip.picture).decode()
    source = f'<img src="data:image/jpeg;base64,{picture}" width="160" height="120" alt="">'
    return f"<figure>{source}<figcaption>{html.escape(name)}</figcaption></figure>"
