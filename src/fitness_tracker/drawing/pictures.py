"""The pictures of an answer that the command `predict` writes: its overlay and its strip."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from fitness_tracker.answering.answer import Answer
from fitness_tracker.core.errors import UserError
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.prediction.batches import progress_bar

PERCENT_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"

Plan = Mapping[Path, Path]  # clip -> file to write, as `plan_outputs` makes it


def draw_pictures(
    overlays: Plan, strips: Plan, clip: Path, answer: Answer, classifier: Classifier, show: bool
) -> Iterator[str]:
    """Writes those that are planned for `clip`, with progress bars if `show`; yields why one cannot be written."""
    if clip not in overlays and clip not in strips:
        return
    from fitness_tracker.drawing.overlay import write_overlay  # here: most answers are not drawn
    from fitness_tracker.drawing.strip import write_strip

    for name, write, plan in (("overlay", write_overlay, overlays), ("strip", write_strip, strips)):
        if not (out := plan.get(clip)):
            continue
        try:
            with progress_bar(show, desc=name, total=1.0, bar_format=PERCENT_BAR) as advance:
                write(clip, answer, classifier, out, progress=advance)
        except (UserError, OSError) as error:  # a full disk, too: the other files have answers still to come
            reason = getattr(error, "strerror", None) or str(error)
            yield reason if reason.startswith(f"{out}: ") else f"{clip}: {reason}"
