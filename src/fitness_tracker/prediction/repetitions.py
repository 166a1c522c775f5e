"""Counts repetitions of any movement, and tells who holds still from who moves."""

from dataclasses import dataclass

from fitness_tracker.pose.features import Poses


@dataclass(frozen=True)
class Movement:
    """What somebody does in a stretch of a clip."""

    repetitions: list[float]  # seconds from the stretch's begin at which each is counted: its turning point
    moving: bool  # whether it is a movement that repeats; else somebody holds still, or does nothing in particular


def measure_movement(poses: Poses, fps: float) -> Movement:
    """The repetitions in a stretch of poses, `fps` a second."""
    return Movement([], False)
