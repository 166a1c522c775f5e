"""The strip: an answer as one picture, the clip's timeline with a thumbnail above each segment."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.blazepose.upright import clip_places
from fitness_tracker.core.letters import on_one_line
from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.canvas import (
    GREY,
    NEAR_BLACK,
    WHITE,
    Colour,
    colours,
    fit_text,
    ink_on,
    name_of,
    transparent_image,
)
from fitness_tracker.drawing.letters import draw_text, text_width
from fitness_tracker.drawing.outputs import check_output, whole_file
from fitness_tracker.drawing.playback import Shape, read_shape, read_upright
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.prediction.formats import format_time
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS
from fitness_tracker.video.letterbox import HEIGHT as FITTED_HEIGHT
from fitness_tracker.video.letterbox import WIDTH as FITTED_WIDTH
from fitness_tracker.video.letterbox import Box, fitted_box

# Pixels. A long workout goes on in a second row, and so on, as text does. A row has thumbnails, blocks and a time axis.
STRIP_WIDTH, SIDE_MARGIN, HEADER_HEIGHT = 1600, 24, 64
ROW_WIDTH = STRIP_WIDTH - 2 * SIDE_MARGIN
THUMBNAIL_HEIGHT, BLOCK_HEIGHT, AXIS_HEIGHT, ROW_GAP = 160, 84, 34, 18
BLOCK_TOP = THUMBNAIL_HEIGHT + 6  # from a row's top; between are the thumbnail's coloured edge and a gap
AXIS_TOP = BLOCK_TOP + BLOCK_HEIGHT
ROW_HEIGHT = AXIS_TOP + AXIS_HEIGHT
MIN_NAMED_WIDTH = 110  # of a segment, for its name to be written across
MIN_UPRIGHT_WIDTH = 20  # of a segment, for its name to be written upwards
MIN_THUMBNAIL_WIDTH = 40
THUMBNAIL_WIDTH = 284  # at least, before the bars are cut off: a clip may turn from portrait to 16:9

MAX_ROWS = 10
MAX_NARROW_SHARE = 0.1  # of the exercises' segments may be narrower than `MIN_NAMED_WIDTH`
AXIS_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # between the marks of the time axis


@dataclass(frozen=True)
class Piece:
    """The part of a segment that lies in one row."""

    number: int  # of the segment
    row: int
    left: int  # pixels, as `right`
    right: int
    main: bool  # the widest of its segment: the one with the count and the thumbnail


def write_strip(
    clip: Path,
    answer: Answer,
    classifier: Classifier,
    out: Path,
    limits: Limits = PREDICTION_LIMITS,
    progress: Callable[[float], object] | None = None,
) -> None:
    """Writes the timeline of a clip's `answer` to `out`, a .png.

    `progress` is called with the share that is done, 0 to 1. Raises `UserError` if `out` cannot be written,
    `ClipError` if the clip does not decode; then `out` stays as it was.
    """
    check_output(clip, out, ".png")
    pieces = arrange(answer)
    shape = thumbnail_shape(clip, classifier, limits)
    wanted = {piece.number for piece in pieces if piece.main and piece.right - piece.left >= MIN_THUMBNAIL_WIDTH}
    thumbnails = read_thumbnails(clip, answer, classifier, sorted(wanted), shape, limits, progress)
    image = draw_strip(clip.name, answer, classifier, pieces, thumbnails)
    with whole_file(out) as target:
        image.save(target, "PNG", optimize=True)


def thumbnail_shape(clip: Path, classifier: Classifier, limits: Limits) -> Shape:
    """The shape of thumbnails, at the classifier's frame rate, so that they are frames of the prediction."""
    shown = read_shape(clip, THUMBNAIL_HEIGHT, 2 * ROW_WIDTH, limits)
    width = min(max(2 * round(THUMBNAIL_HEIGHT * shown.width / shown.height / 2), THUMBNAIL_WIDTH), ROW_WIDTH)
    return Shape(width, THUMBNAIL_HEIGHT, Fraction(classifier.fps).limit_denominator(1001))


def read_thumbnails(
    clip: Path,
    answer: Answer,
    classifier: Classifier,
    wanted: Sequence[int],
    shape: Shape,
    limits: Limits,
    progress: Callable[[float], object] | None,
) -> dict[int, tuple[Image.Image, float]]:
    """Number of a segment to its middle frame and where the person is in it, 0 (left) to 1; for those in `wanted`.

    The clip is decoded once, no further than needed; only these frames stay in memory.
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
        for row, (frame, box) in takewhile(lambda numbered: numbered[0] <= last, enumerate(frames)):
            for number in middles.get(row, []):
                picture = frame[box.top : box.top + box.height, box.left : box.left + box.width]
                found[number] = (Image.fromarray(picture), person_at(answer, classifier, row, box))
            if progress:
                progress(row / max(last, 1))
    return found


def person_at(answer: Answer, classifier: Classifier, row: int, box: Box) -> float:
    """Where the person is in a row of the landmarks, 0 (left) to 1 (right); 0.5 if nobody is found."""
    if not isinstance(answer.prediction, PosePrediction) or not answer.prediction.landmarks.found[row]:
        return 0.5
    left, _, wide, _ = fitted_box(classifier.fit, box.width, box.height)
    places = clip_places(answer.prediction.landmarks[row : row + 1], FITTED_WIDTH, FITTED_HEIGHT)
    across = np.clip(places[0, :, 0], 0, FITTED_WIDTH)
    return float(np.clip(((across.min() + across.max()) / 2 - left) / wide, 0, 1))


# ------------------------------------------------------------------------------------------------------- arrangement


def row_count(answer: Answer) -> int:
    """The fewest rows, at most `MAX_ROWS`, in which nearly all exercises are wide enough for their names."""
    lengths = [segment.duration_s for segment in answer.segments if segment.exercise != NONE]
    for rows in range(1, MAX_ROWS):
        width = ROW_WIDTH * rows / max(answer.duration_s, 1e-3)  # pixels a second
        if sum(length * width < MIN_NAMED_WIDTH for length in lengths) <= MAX_NARROW_SHARE * len(lengths):
            return rows
    return MAX_ROWS


def arrange(answer: Answer) -> list[Piece]:
    """The pieces of all segments, in order; a segment that reaches a row's end goes on in the next row."""
    rows, duration = row_count(answer), max(answer.duration_s, 1e-3)
    pieces = []
    for number, segment in enumerate(answer.segments):
        start, end = (round(time / duration * rows * ROW_WIDTH) for time in (segment.start_s, segment.end_s))
        end = min(max(end, start + 1), rows * ROW_WIDTH)
        cuts = [start, *range((start // ROW_WIDTH + 1) * ROW_WIDTH, end, ROW_WIDTH), end]
        main = int(np.argmax(np.diff(cuts)))
        for part, (left, right) in enumerate(pairwise(cuts)):
            row = min(left // ROW_WIDTH, rows - 1)
            pieces.append(Piece(number, row, left - row * ROW_WIDTH, right - row * ROW_WIDTH, part == main))
    return pieces


# ------------------------------------------------------------------------------------------------------------ drawing


def draw_strip(
    title: str,
    answer: Answer,
    classifier: Classifier,
    pieces: Sequence[Piece],
    thumbnails: dict[int, tuple[Image.Image, float]],
) -> Image.Image:
    """The whole picture, RGB; `thumbnails` as `read_thumbnails` returns them."""
    rows = max(piece.row for piece in pieces) + 1
    height = HEADER_HEIGHT + rows * ROW_HEIGHT + (rows - 1) * ROW_GAP + SIDE_MARGIN // 2
    image = Image.new("RGB", (STRIP_WIDTH, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw_header(draw, title, answer.duration_s)
    segment_colours = colours(answer.segments, classifier.exercises)
    for piece in pieces:
        top = row_top(piece.row)
        segment, colour = answer.segments[piece.number], segment_colours[piece.number]
        if piece.main and piece.number in thumbnails:
            put_thumbnail(image, piece, top, *thumbnails[piece.number], colour)
        put_block(image, piece, top + BLOCK_TOP, segment, colour)
    for row in range(rows):
        draw_axis(draw, row, rows, answer.duration_s)
    return image


def row_top(row: int) -> int:
    """Its distance from the top of the picture in pixels."""
    return HEADER_HEIGHT + row * (ROW_HEIGHT + ROW_GAP)


def draw_header(draw: ImageDraw.ImageDraw, title: str, duration: float) -> None:
    length = f"{duration:.1f} s" if duration < 10 else f"{format_time(duration)} {'h' if duration >= 3600 else 'min'}"
    shown, size = fit_text(on_one_line(title), ROW_WIDTH - text_width(length, 26) - 40, 26, 20, bold=True)
    draw_text(draw, (SIDE_MARGIN, 42), shown, NEAR_BLACK, size, True)
    draw_text(draw, (STRIP_WIDTH - SIDE_MARGIN, 42), length, GREY, 26, anchor="rs")


def put_thumbnail(
    image: Image.Image, piece: Piece, top: int, frame: Image.Image, person: float, colour: Colour
) -> None:
    """Pastes a frame centred above its piece; where the piece is narrower, the sides are cut, around the person."""
    width = min(frame.width, piece.right - piece.left - 3)
    left = round(min(max(person * frame.width - width / 2, 0), frame.width - width))
    at = SIDE_MARGIN + (piece.left + piece.right - width) // 2
    image.paste(frame.crop((left, 0, left + width, frame.height)), (at, top + THUMBNAIL_HEIGHT - frame.height))
    ImageDraw.Draw(image).rectangle((at, top + THUMBNAIL_HEIGHT, at + width - 1, top + THUMBNAIL_HEIGHT + 3), colour)


def put_block(image: Image.Image, piece: Piece, top: int, segment: Segment, colour: Colour) -> None:
    """Draws the coloured block of a piece, with its name and count, across or, in a narrow one, upwards."""
    left, width = SIDE_MARGIN + piece.left, piece.right - piece.left
    gap = 1 if width > 3 else 0
    ImageDraw.Draw(image).rectangle((left, top, left + width - 1 - gap, top + BLOCK_HEIGHT - 1), colour)
    nobody = segment.exercise == NONE and not segment.is_unknown_exercise
    lines = [name_of(segment), count_of(segment) if piece.main else "goes on"]
    if words := words_for(lines[:1] if nobody else lines, width, ink_on(colour), 0 if nobody else 1):
        image.paste(words, (left + (width - words.width) // 2, top + (BLOCK_HEIGHT - words.height) // 2), words)


def words_for(lines: Sequence[str], width: int, ink: Colour, bold: int) -> Image.Image | None:
    """A name and a count for a block `width` pixels wide, RGBA: on one line each, the name on several, or upwards.

    The name is bold if `bold` is 1. None if there is no room.
    """
    name = lines[0].split()
    for some, strong in ((lines, bold), ([*name, *lines[1:]], bold * len(name))):
        if all(text_width(line, 14, True) <= width - 10 for line in some):
            return draw_words(some, width - 8, BLOCK_HEIGHT, ink, strong)
    if not bold or width < MIN_UPRIGHT_WIDTH:
        return None
    some = lines if width >= 2 * MIN_UPRIGHT_WIDTH else lines[:1]
    return draw_words(some, BLOCK_HEIGHT - 6, min(width, 2 * MIN_UPRIGHT_WIDTH), ink, bold).rotate(90, expand=True)


def count_of(segment: Segment) -> str:
    """'12 reps', 'held 35 s', or ''."""
    if segment.repetitions is not None:
        return f"{segment.repetitions} rep{'s' * (segment.repetitions != 1)}"
    return f"held {segment.held_s:.0f} s" if segment.held_s is not None else ""


def draw_words(lines: Sequence[str], width: int, height: int, ink: Colour, bold: int) -> Image.Image:
    """Lines of text, the first `bold` of them bold, centred in `width` x `height` pixels; RGBA."""
    image, draw = transparent_image(width, height)
    shown = [line for line in lines if line]
    most = min(24, max(11, int(height / len(shown) / 1.35)))
    for number, line in enumerate(shown):
        text, size = fit_text(line, width, most if number < bold else min(most, 20), 11, number < bold)
        middle = height / 2 + (number - (len(shown) - 1) / 2) * 1.25 * most
        draw_text(draw, (width / 2, middle), text, ink, size, number < bold, "mm")
    return image


def draw_axis(draw: ImageDraw.ImageDraw, row: int, rows: int, duration: float) -> None:
    """Draws the time axis below a row: marks with their times, at least 80 pixels apart."""
    top, span = row_top(row) + AXIS_TOP, max(duration, 1e-3) / rows
    step = next((step for step in AXIS_STEPS_S if step / span * ROW_WIDTH >= 80), AXIS_STEPS_S[-1])
    draw.line((SIDE_MARGIN, top + 1, STRIP_WIDTH - SIDE_MARGIN - 1, top + 1), GREY)
    for number in range(ceil(row * span / step - 1e-6), int((row + 1) * span / step + 1e-6) + 1):
        at = SIDE_MARGIN + round((number * step - row * span) / span * ROW_WIDTH)
        draw.line((at, top + 1, at, top + 8), GREY)
        text = format_time(number * step)
        edge = SIDE_MARGIN + text_width(text, 16) / 2
        draw_text(draw, (min(max(at, edge), STRIP_WIDTH - edge), top + 26), text, GREY, 16, anchor="ms")
