"""Checks a folder of labelled clips for what makes scores misleading, before anything is trained.

Each clip is reduced to a fingerprint (small grey frames, edges that stay, people), all clips at once on all cores, and
cached like the stages' outputs. The checks compare fingerprints.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from fitness_tracker.audit.checks import (
    find_few_groups,
    find_marks,
    find_no_movement,
    find_oddities,
    find_one_place,
)
from fitness_tracker.audit.copies import find_copies
from fitness_tracker.audit.findings import Finding
from fitness_tracker.audit.fingerprints import Fingerprint, fingerprint, read_fingerprint
from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.core.params import Limits
from fitness_tracker.processing.process_clips import run_clips
from fitness_tracker.processing.result_cache import ResultCache

GROUP, CACHE_GB = "^(.+?)__", 20.0  # `split.group` and `cache_gb` where there is no params.yaml, as in ours


def audit(
    clips: Sequence[Clip], networks: Mapping[str, bytes], pattern: str, limits: Limits, cache: ResultCache
) -> tuple[list[Finding], dict[str, Fingerprint]]:
    """All findings, kind by kind, and the fingerprints of the clips that decode, by name.

    `pattern` is `split.group` of params.yaml.
    """
    done: dict[str, Fingerprint] = {}

    def keep(clip: Clip, data: bytes) -> None:
        done[clip.name] = read_fingerprint(data)

    results = run_clips(partial(fingerprint, **networks, limits=limits), clips, "audit", keep, cache)
    fingerprints = {clip.name: done[clip.name] for clip in clips if clip.name in done}
    findings = [
        Finding("unreadable", (), f"{result.clip.path}: {result.reason}") for result in results if result.reason
    ]
    groups: dict[str, str] = {}
    for clip in clips:
        try:
            groups[clip.name] = group_of(clip, pattern)
        except ClipsError as error:
            findings.append(Finding("no group", (clip.name,), str(error)))
            groups[clip.name] = clip.name
    findings += find_few_groups(groups)
    findings += find_copies(fingerprints, groups)
    findings += find_marks(fingerprints, groups)
    findings += find_one_place(fingerprints, groups)
    findings += find_no_movement(fingerprints)
    for name, of_clip in fingerprints.items():
        findings += find_oddities(name, of_clip)
    kinds = list(dict.fromkeys(finding.kind for finding in findings))
    return sorted(findings, key=lambda finding: kinds.index(finding.kind)), fingerprints
