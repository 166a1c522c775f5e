"""An answer as one picture: the clip's timeline, with a small frame above each segment."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fitness_tracker.answering.answer import Answer, Segment, is_unknown
from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.canvas import (
    GREY,
    INK,
    WHITE,
    Colour,
    canvas,
    colours,
    fit_text,
    font,
    ink_on,
    name_of,
    text_width,
)
from fitness_tracker.drawing.outputs import check_output, whole_file
from fitness_tracker.drawing.playback import Shape, read_shape, read_upright
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.prediction.formats import clock
from fitness_tracker.prediction.inputs import LIMITS
from fitness_tracker.video.letterbox import WIDTH as FITTED_WIDTH
from fitness_tracker.video.letterbox import fitted_box

# In pixels. A long workout goes on in a second row, and so on, as text does.
WIDTH, MARGIN, HEADER = 1600, 24, 64
FRAMES, BAR, AXIS, GAP = 160, 84, 34, 18  # heights of the parts of a row, and what is between rows
ACROSS = WIDTH - 2 * MARGIN
ROWS = 10  # at most
LEGIBLE = 110  # of a segment: its name can be written across
NARROW = 0.1  # share of the segments that may be narrower
THUMBNAIL = 40  # the narrowest small frame
UPRIGHT = 20  # the narrowest segment whose name is written upwards

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # seconds between the marks of the time axis


@dataclass(frozen=True)
class Piece:
    """The part of a segment that is in one row."""

    number: int  # of the segment
    row: int
    left: int  # pixels, as `right`
    right: int
    main: bool  # the widest of its segment: the one with the count and the small frame


def write_strip(
    clip: Path,
    answer: Answer,
    classifier: Classifier,
    out: Path,
    limits: Limits = LIMITS,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Writes the timeline of a clip's `answer` to `out`, a .png.

    `progress` is called with the share of it that is done, 0 to 1. Raises `UserError` if `out` cannot be written,
    `ClipError` if the clip does not decode; then `out` stays as it was.
    """
    check_output(clip, out, ".png")
    pieces = arrange(answer)
    shape = thumbnail_shape(clip, classifier, limits)
    wanted = {piece.number for piece in pieces if piece.main and piece.right - piece.left >= THUMBNAIL}
    thumbnails = read_thumbnails(clip, answer, classifier, sorted(wanted), shape, limits, progress)
    image = draw_strip(clip.name, answer, classifier, pieces, thumbnails)
    with whole_file(out) as target:
        image.save(target, "PNG", optimize=True)


def thumbnail_shape(clip: Path, classifier: Classifier, limits: Limits) -> Shape:
    """Small frames, `classifier.fps` a second, so that they are those of the prediction."""
    shown = read_shape(clip, FRAMES, 2 * ACROSS, limits)
    width = min(max(2 * round(FRAMES * shown.width / shown.height / 2), 16), ACROSS)
    return Shape(width, FRAMES, Fraction(classifier.fps).limit_denominator(1001))


def read_thumbnails(
    clip: Path,
    answer: Answer,
    classifier: Classifier,
    wanted: Sequence[int],
    shape: Shape,
    limits: Limits,
    progress: Callable[[float], object] | None,
) -> dict[int, tuple[Image.Image, float]]:
    """The middle frames of segments by their numbers, and where a person is in each: from 0, left, to 1, right.

    The clip is decoded once, no further than is needed; nothing but those frames stays in memory.
    """
    rows = len(answer.prediction.frames)
    middles: dict[int, list[int]] = {}
    for number in wanted:
        segment = answer.segments[number]
        row = min(int((segment.start_s + segment.end_s) / 2 * classifier.fps), rows - 1)
        middles.setdefault(row, []).append(number)
    found = {}
    with closing(read_upright(clip, shape, limits)) as frames:
        last = max(middles, default=-1)
        for row, frame in takewhile(lambda numbered: numbered[0] <= last, enumerate(frames)):
            for number in middles.get(row, []):
                found[number] = (Image.fromarray(frame), person_at(answer, classifier, row, shape))
            if progress:
                progress(row / max(last, 1))
    return found


def person_at(answer: Answer, classifier: Classifier, row: int, shape: Shape) -> float:
    """Where the person of a row of the landmarks is between the left, 0, and the right, 1; else the middle."""
    if not isinstance(answer.prediction, PosePrediction) or not answer.prediction.landmarks.found[row]:
        return 0.5
    left, _, wide, _ = fitted_box(classifier.fit, shape.width, shape.height)
    across = np.clip(answer.prediction.landmarks.image_landmarks[row, :, 0], 0, FITTED_WIDTH)
    return float(np.clip(((across.min() + across.max()) / 2 - left) / wide, 0, 1))


# ------------------------------------------------------------------------------------------------------- arrangement


def row_count(answer: Answer) -> int:
    """The fewest rows in which nearly all exercises are wide enough for their names."""
    lengths = [segment.end_s - segment.start_s for segment in answer.segments if segment.exercise != NONE]
    for rows in range(1, ROWS):
        width = ACROSS * rows / max(answer.duration_s, 1e-3)  # of a second
        if sum(length * width < LEGIBLE for length in lengths) <= NARROW * len(lengths):
            return rows
    return ROWS


def arrange(answer: Answer) -> list[Piece]:
    """Where each segment lies, from left to right and from row to row; at a row's end it goes on in the next."""
    rows, duration = row_count(answer), max(answer.duration_s, 1e-3)
    pieces = []
    for number, segment in enumerate(answer.segments):
        start, end = (round(time / duration * rows * ACROSS) for time in (segment.start_s, segment.end_s))
        end = min(max(end, start + 1), rows * ACROSS)
        cuts = [start, *range((start // ACROSS + 1) * ACROSS, end, ACROSS), end]
        main = int(np.argmax(np.diff(cuts)))
        for part, (left, right) in enumerate(pairwise(cuts)):
            row = min(left // ACROSS, rows - 1)
            pieces.append(Piece(number, row, left - row * ACROSS, right - row * ACROSS, part == main))
    return pieces


# ------------------------------------------------------------------------------------------------------------ drawing


def draw_strip(
    title: str,
    answer: Answer,
    classifier: Classifier,
    pieces: Sequence[Piece],
    thumbnails: dict[int, tuple[Image.Image, float]],
) -> Image.Image:
    """The whole picture, RGB."""
    rows = max(piece.row for piece in pieces) + 1
    height = HEADER + rows * (FRAMES + 6 + BAR + AXIS) + (rows - 1) * GAP + MARGIN // 2
    image = Image.new("RGB", (WIDTH, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw_header(draw, title, answer.duration_s)
    of_segments = colours(answer.segments, classifier.exercises)
    for piece in pieces:
        top = row_top(piece.row)
        segment, colour = answer.segments[piece.number], of_segments[piece.number]
        if piece.main and piece.number in thumbnails:
            put_thumbnail(image, piece, top, *thumbnails[piece.number], colour)
        put_block(image, piece, top + FRAMES + 6, segment, colour)
    for row in range(rows):
        draw_axis(draw, row, rows, answer.duration_s)
    return image


def row_top(row: int) -> int:
    return HEADER + row * (FRAMES + 6 + BAR + AXIS + GAP)


def draw_header(draw: ImageDraw.ImageDraw, title: str, duration: float) -> None:
    length = f"{duration:.1f} s" if duration < 10 else f"{clock(duration)} {'h' if duration >= 3600 else 'min'}"
    title = "".join(char if char.isprintable() else " " for char in title)
    shown, size = fit_text(title, ACROSS - text_width(length, 26) - 40, 26, 20, bold=True)
    draw.text((MARGIN, 42), shown, INK, font(size, True), "ls")
    draw.text((WIDTH - MARGIN, 42), length, GREY, font(26), "rs")


def put_thumbnail(
    image: Image.Image, piece: Piece, top: int, frame: Image.Image, person: float, colour: Colour
) -> None:
    """Centred above its piece; cut at the sides, around the person, where the piece is narrower."""
    width = min(frame.width, piece.right - piece.left - 3)
    left = round(min(max(person * frame.width - width / 2, 0), frame.width - width))
    at = MARGIN + (piece.left + piece.right - width) // 2
    image.paste(frame.crop((left, 0, left + width, frame.height)), (at, top))
    ImageDraw.Draw(image).rectangle((at, top + FRAMES, at + width - 1, top + FRAMES + 3), colour)


def put_block(image: Image.Image, piece: Piece, top: int, segment: Segment, colour: Colour) -> None:
    """The coloured block of a piece, with its name and count, across or, in a narrow one, upwards."""
    left, width = MARGIN + piece.left, piece.right - piece.left
    gap = 1 if width > 3 else 0
    ImageDraw.Draw(image).rectangle((left, top, left + width - 1 - gap, top + BAR - 1), colour)
    nobody = segment.exercise == NONE and not is_unknown(segment)
    lines = [name_of(segment), count_of(segment) if piece.main else "goes on"]
    if words := words_for(lines[:1] if nobody else lines, width, ink_on(colour), 0 if nobody else 1):
        image.paste(words, (left + (width - words.width) // 2, top + (BAR - words.height) // 2), words)


def words_for(lines: Sequence[str], width: int, ink: Colour, bold: int) -> Image.Image | None:
    """A name and a count for a block `width` pixels wide: across, in more lines, or upwards; RGBA. None: no room."""
    name = lines[0].split()
    for some, strong in ((lines, bold), ([*name, *lines[1:]], bold * len(name))):
        if all(text_width(line, 14, True) <= width - 10 for line in some):
            return draw_words(some, width - 8, BAR, ink, strong)
    if not bold or width < UPRIGHT:
        return None
    some = lines if width >= 2 * UPRIGHT else lines[:1]
    return draw_words(some, BAR - 6, min(width, 2 * UPRIGHT), ink, bold).rotate(90, expand=True)


def count_of(segment: Segment) -> str:
    """'12 reps', 'held 35 s', or nothing."""
    if segment.repetitions is not None:
        return f"{segment.repetitions} rep{'s' * (segment.repetitions != 1)}"
    return f"held {segment.held_s:.0f} s" if segment.held_s is not None and segment.exercise != NONE else ""


def draw_words(lines: Sequence[str], width: int, height: int, ink: Colour, bold: int) -> Image.Image:
    """Lines of text, the first `bold` of them bold, centred in `width` x `height`: RGBA."""
    image, draw = canvas(width, height)
    shown = [line for line in lines if line]
    most = min(24, max(11, int(height / len(shown) / 1.35)))
    for number, line in enumerate(shown):
        text, size = fit_text(line, width, most if number < bold else min(most, 20), 11, number < bold)
        middle = height / 2 + (number - (len(shown) - 1) / 2) * 1.25 * most
        draw.text((width / 2, middle), text, ink, font(size, number < bold), "mm")
    return image


def draw_axis(draw: ImageDraw.ImageDraw, row: int, rows: int, duration: float) -> None:
    """The times below a row: a mark and a number every so many seconds, at least 80 pixels apart."""
    top, span = row_top(row) + FRAMES + 6 + BAR, max(duration, 1e-3) / rows
    step = next((step for step in STEPS if step / span * ACROSS >= 80), STEPS[-1])
    draw.line((MARGIN, top + 1, WIDTH - MARGIN - 1, top + 1), GREY)
    for number in range(ceil(row * span / step - 1e-6), int((row + 1) * span / step + 1e-6) + 1):
        at = MARGIN + round((number * step - row * span) / span * ACROSS)
        draw.line((at, top + 1, at, top + 8), GREY)
        text = clock(number * step)
        half = text_width(text, 16) / 2
        draw.text((min(max(at, MARGIN + half), WIDTH - MARGIN - half), top + 26), text, GREY, font(16), "ms")
