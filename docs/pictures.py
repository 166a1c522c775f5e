"""Draws the README's pictures of an answer, docs/overlay.png and docs/strip.png, by the project itself.

    python docs/pictures.py models/classifier docs

From a workout of one of the sample's invented people, with pauses in which they stand: no real person is in it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter
from PIL import Image

from fitness_tracker.answering.answer import Segment
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.drawing.overlay import write_overlay
from fitness_tracker.drawing.playback import Shape, read_shape, read_upright
from fitness_tracker.drawing.strip import write_strip
from fitness_tracker.prediction.predict import load_once, predict_clip

sys.path.append(str(Path(__file__).parent.parent / "sample"))
import body
import render

WORKOUT = ("stand", "squat", "stand", "jumping_jack", "stand", "shoulder_press", "stand", "push_up", "stand", "plank")
SIZE, RATE = (960, 540), 20
TIMES = {"stand": 2}  # how often each clip of 2 to 4 s is shown
USUAL = 4
PERSON, SEED = 3, 5
COLOURS = 256  # of a picture, so that it is small


def stand(shape: body.Body, effort: float) -> body.Pose:
    """Somebody who shifts their weight a little."""
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    return {name: point + np.array([0.01 * effort, 0, 0]) for name, point in joints.items()}


def draw_workout(path: Path, scratch: Path) -> None:
    """The clip of the workout: each part goes from rest to rest, so it can be shown several times."""
    render.SIZES, render.FRAME_RATES = (SIZE,), (RATE,)
    render.EXERCISES["stand"] = (stand, (1.5, 2.0))
    person = render.invent_person(render.random_stream(PERSON))
    with FFMPEG_VideoWriter(str(path), SIZE, RATE, codec="libx264", threads=1, pixel_format="yuv420p") as writer:
        for number, exercise in enumerate(WORKOUT):
            part = scratch / f"{exercise}.mp4"
            if not part.exists():
                render.render_clip(part, exercise, person, render.random_stream(SEED, number))
            frames = [frame for frame, _ in read_upright(part, Shape(*SIZE, Fraction(RATE)))]
            for frame in chain.from_iterable(repeat(frames, TIMES.get(exercise, USUAL))):
                writer.write_frame(frame)


def still(overlay: Path, segments: Sequence[Segment]) -> Image.Image:
    """The frame of an overlay shortly after the last but one repetition of the longest set."""
    longest = max(segments, key=lambda segment: len(segment.times_s))
    seconds = longest.times_s[-2] + 0.2 if len(longest.times_s) > 1 else (longest.start_s + longest.end_s) / 2
    frames = read_upright(overlay, read_shape(overlay, *sorted(SIZE)))
    return Image.fromarray(next(frame for number, (frame, _) in enumerate(frames) if number >= seconds * RATE))


def save_small(image: Image.Image, path: Path) -> None:
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    args = parser.parse_args()
    classifier = load_once(args.classifier)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        clip = scratch / "workout.mp4"
        draw_workout(clip, scratch)
        answer = predict_clip(clip, classifier)
        for segment in answer.segments:
            print(f"{segment.start_s:6.1f} {segment.end_s:6.1f} {segment.exercise:16} {segment.repetitions}")
        write_strip(clip, answer, classifier, scratch / "strip.png")
        save_small(Image.open(scratch / "strip.png"), args.folder / "strip.png")
        write_overlay(clip, answer, classifier, scratch / "overlay.mp4")
        save_small(still(scratch / "overlay.mp4", answer.segments), args.folder / "overlay.png")


if __name__ == "__main__":
    with exit_with_message("pictures"):
        main()
