"""What all pictures of an answer share: words for a segment, a colour for each exercise, text that is easy to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fitness_tracker.answering.answer import Segment, is_unknown
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.models.classifier import NONE

Colour = tuple[int, int, int]  # RGB, 0-255

# Okabe and Ito's "Color Universal Design", told apart by colour-blind people: without black, and without their yellow,
# on which white is lost. Where a clip shows more exercises, their lighter tints follow.
PALETTE: tuple[Colour, ...] = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
)  # fmt: skip
GREY: Colour = (104, 110, 120)  # nobody exercises
PALE: Colour = (168, 172, 180)  # an exercise that is not known
INK: Colour = (18, 22, 28)
WHITE: Colour = (255, 255, 255)

# Bones of a drawn skeleton beside those of `pose.skeleton`
ACROSS = ((Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.LEFT_HIP, Landmark.RIGHT_HIP))


def name_of(segment: Segment) -> str:
    """What a segment is called in a picture."""
    if segment.exercise == NONE:
        return "unknown exercise" if is_unknown(segment) else "no exercise"
    return "".join(char if char.isprintable() else " " for char in segment.exercise.replace("_", " "))


def colours(segments: Sequence[Segment], exercises: Sequence[str]) -> list[Colour]:
    """The colour of each segment: grey if nobody exercises, else one for each exercise, by its place in `exercises`.

    Two exercises of one clip whose places give the same colour get different ones, as long as there are some.
    """
    several = [*PALETTE, *(((red + 255) // 2, (green + 255) // 2, (blue + 255) // 2) for red, green, blue in PALETTE)]
    places = {name: place for place, name in enumerate(exercises)}
    shown = {segment.exercise for segment in segments} - {NONE}
    chosen: dict[str, Colour] = {}
    for name in sorted(shown, key=lambda name: (places.get(name, len(places)), name)):
        place = places.get(name, len(places)) % len(PALETTE)
        order = [*range(place, len(PALETTE)), *range(place), *range(len(PALETTE), len(several))]
        free = [several[number] for number in order if several[number] not in chosen.values()]
        chosen[name] = free[0] if free else several[place]
    return [
        chosen.get(segment.exercise, PALE if is_unknown(segment) else GREY) for segment in segments
    ]  # fmt: skip


def ink_on(colour: Colour) -> Colour:
    """Dark or white, whichever is read more easily on `colour`."""
    return INK if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 135 else WHITE


@lru_cache(maxsize=64)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, `size` pixels high."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(fonts_folder() / name, max(size, 1))


@cache
def fonts_folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def text_width(text: str, size: int, bold: bool = False) -> int:
    """In pixels."""
    return round(font(size, bold).getlength(text))


def fit_text(text: str, width: float, size: int, smallest: int, bold: bool = False) -> tuple[str, int]:
    """The text and a size from `size` down to `smallest` at which it is at most `width` pixels wide; cut if need be."""
    for smaller in range(size, smallest - 1, -1):
        if text_width(text, smaller, bold) <= width:
            return text, smaller
    kept = next(
        (number for number in range(len(text), 0, -1) if text_width(text[:number] + "…", smallest, bold) <= width), 0
    )
    return (text[:kept].rstrip() + "…" if kept else ""), smallest


@dataclass(frozen=True)
class Stamp:
    """A picture with transparency, made ready to be put on many frames."""

    colour: np.ndarray  # (h, w, 3) uint8 RGB, times its opacity
    behind: np.ndarray  # (h, w, 3) uint8: how much of the frame stays, of 255

    @classmethod
    def of(cls, image: Image.Image) -> "Stamp":
        """Of an RGBA image."""
        pixels = np.asarray(image, np.uint16)
        opacity = pixels[..., 3:]
        behind = np.repeat((255 - opacity).astype(np.uint8), 3, axis=2)
        return cls((pixels[..., :3] * opacity // 255).astype(np.uint8), behind)

    def put(self, frame: np.ndarray, left: int, top: int) -> None:
        """On a frame (H, W, 3) uint8 RGB, from (left, top) on, both at least 0; what does not fit is cut off."""
        place = frame[top : top + len(self.colour), left : left + self.colour.shape[1]]
        if place.size:
            high, wide = place.shape[:2]
            faint = cv2.multiply(place, self.behind[:high, :wide], scale=1 / 255)
            place[:] = cv2.add(faint, self.colour[:high, :wide])


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A transparent RGBA image, and what draws on it."""
    image = Image.new("RGBA", (max(width, 1), max(height, 1)), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)
