"""A clip of the corpus, as its catalog describes it; `pose.corpus` reads and writes it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CorpusClip:
    """One clip of the corpus."""

    id: str  # the first 16 hex digits of `sha256`
    label: str  # what it shows
    exercise: str  # what it is taught as; 'none' if its label is not taught
    group: str  # `short_hash` of its name
    source: str  # `short_hash` of its name
    seconds: float
    view: str  # where the camera stands: front, side, back, oblique, unknown; empty if nobody looked
    visibility: str  # clear, partly or not
    sha256: str  # of the clip's file
    path: Path  # of its landmarks

    @property
    def name(self) -> str:
        """As one's own clips are called: the exercise comes first."""
        return f"{self.exercise}/{self.label}/{self.id}"
