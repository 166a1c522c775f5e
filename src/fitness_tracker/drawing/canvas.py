"""What the overlay and the strip share: names and colours of segments, text that fits, pictures to put on frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from fitness_tracker.answering.answer import Segment
from fitness_tracker.core.letters import on_one_line
from fitness_tracker.drawing.letters import text_width
from fitness_tracker.models.classifier import NONE

Colour = tuple[int, int, int]  # RGB, 0-255

# Okabe and Ito's "Color Universal Design", which colour-blind people can tell apart, without black, and without yellow,
# on which white is not legible. A clip with more exercises gets lighter tints of them, too.
PALETTE: tuple[Colour, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
)  # fmt: skip
TINTS: tuple[Colour, ...] = tuple(((r + 255) // 2, (g + 255) // 2, (b + 255) // 2) for r, g, b in PALETTE)
GREY: Colour = (104, 110, 120)  # no exercise
LIGHT_GREY: Colour = (168, 172, 180)  # an unknown exercise
NEAR_BLACK: Colour = (18, 22, 28)
WHITE: Colour = (255, 255, 255)


def name_of(segment: Segment) -> str:
    """What a segment is called in a picture."""
    if segment.exercise == NONE:
        return "unknown exercise" if segment.is_unknown_exercise else "no exercise"
    return on_one_line(segment.exercise.replace("_", " "))


def colours(segments: Sequence[Segment], exercises: Sequence[str]) -> list[Colour]:
    """The colour of each segment: a grey for 'none', else the colour that belongs to its place in `exercises`.

    Where two exercises of a clip would get the same colour, one gets another, as long as some are free.
    """
    places = {name: place for place, name in enumerate(exercises)}
    shown = {segment.exercise for segment in segments} - {NONE}
    chosen: dict[str, Colour] = {}
    for name in sorted(shown, key=lambda name: (places.get(name, len(places)), name)):
        place = places.get(name, len(places)) % len(PALETTE)
        order = (*PALETTE[place:], *PALETTE[:place], *TINTS)
        chosen[name] = next((colour for colour in order if colour not in chosen.values()), order[0])
    return [chosen.get(one.exercise, LIGHT_GREY if one.is_unknown_exercise else GREY) for one in segments]


def ink_on(colour: Colour) -> Colour:
    """The colour of text on `colour`: dark or white, whichever is easier to read."""
    return NEAR_BLACK if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 135 else WHITE


def fit_text(text: str, width: float, size: int, smallest: int, bold: bool = False) -> tuple[str, int]:
    """The text, and the largest size from `size` down to `smallest` at which it is at most `width` pixels wide.

    Text that is too wide at `smallest` is cut, and ends in an ellipsis.
    """
    for smaller in range(size, smallest - 1, -1):
        if text_width(text, smaller, bold) <= width:
            return text, smaller
    kept = next(
        (number for number in range(len(text), 0, -1) if text_width(text[:number] + "…", smallest, bold) <= width), 0
    )
    return (text[:kept].rstrip() + "…" if kept else ""), smallest


@dataclass(frozen=True)
class Stamp:
    """A picture with transparency, prepared to be blended into many frames."""

    colour: np.ndarray  # (h, w, 3) uint8 RGB, multiplied by its opacity
    behind: np.ndarray  # (h, w, 3) uint8: the share of the frame that stays, 0-255

    @classmethod
    def from_image(cls, image: Image.Image) -> "Stamp":
        """Of an RGBA image (h, w)."""
        pixels = np.asarray(image, np.uint16)
        opacity = pixels[..., 3:]
        behind = np.repeat((255 - opacity).astype(np.uint8), 3, axis=2)
        return cls((pixels[..., :3] * opacity // 255).astype(np.uint8), behind)

    def put(self, frame: np.ndarray, left: int, top: int) -> None:
        """Blends it into a frame (H, W, 3) uint8 RGB, in place, its corner at (left, top), both at least 0.

        What lies outside of the frame is cut off.
        """
        place = frame[top : top + len(self.colour), left : left + self.colour.shape[1]]
        if place.size:
            high, wide = place.shape[:2]
            faint = cv2.multiply(place, self.behind[:high, :wide], scale=1 / 255)
            place[:] = cv2.add(faint, self.colour[:high, :wide])


def transparent_image(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A transparent RGBA image, and a pen to draw on it."""
    image = Image.new("RGBA", (max(width, 1), max(height, 1)), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)
