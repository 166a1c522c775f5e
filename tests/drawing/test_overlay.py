"""The overlay and the strip, by real clips and answers made by hand."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import psutil
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Cnn, Limits
from fitness_tracker.drawing import strip
from fitness_tracker.drawing.canvas import GREY, PALETTE, colours, fit_text, name_of, text_width
from fitness_tracker.drawing.outputs import plan_outputs
from fitness_tracker.drawing.overlay import Painter, Timeline, count_at, write_overlay
from fitness_tracker.drawing.playback import Shape, encode_reason, read_shape, read_upright, usual_rate
from fitness_tracker.drawing.skeleton import Skeleton
from fitness_tracker.drawing.strip import arrange, write_strip
from fitness_tracker.models.bundle import save_classifier
from fitness_tracker.models.classifier import Classifier, Prediction
from fitness_tracker.models.cnn.classifier import FrameClassifier, FrameMember
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.prediction.formats import format_time
from fitness_tracker.video.ffmpeg import ClipError, read_frames
from tests.conftest import WITHOUT_ROOTS_RIGHTS

EXERCISES = ["lunge", "plank", "push_up", "squat", "none"]
SQUAT = Segment(0.0, 1.0, "squat", 0.93, 2, None, (0.3, 0.8))
REST = Segment(1.0, 2.0, "none", 0.7, None, None, ())
SOUND = ("-f", "lavfi", "-i", "sine=duration=2")
MOVING = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=20:duration=2")
SHAPE = Shape(640, 480, Fraction(20))


def classifier(fit: str = "pad", fps: float = 10.0) -> Classifier:
    """Of which the pictures need no more."""
    return cast(Classifier, SimpleNamespace(exercises=EXERCISES, fit=fit, fps=fps))


def answer(*segments: Segment, landmarks: Landmarks | None = None, seconds: float = 2.0) -> Answer:
    rows = len(landmarks.found) if landmarks else round(10 * seconds)
    frames = np.full((rows, len(EXERCISES)), 1 / len(EXERCISES), np.float32)
    given: Prediction = PosePrediction(frames, frames[0], landmarks) if landmarks else Prediction(frames, frames[0])
    first = segments[0]
    return Answer(
        first.exercise, first.confidence, 0.1, first.repetitions, first.held_s, seconds, tuple(segments), given
    )


def landmarks_at(places: Sequence[tuple[float, float]], visibility: float = 1.0) -> Landmarks:
    """All 33 landmarks in one place of 640x480, for each of the places; nobody at (0, 0)."""
    image = np.zeros((len(places), 33, 4), np.float32)
    image[..., :2], image[..., 3] = np.array(places)[:, None], visibility
    times = np.arange(len(places), dtype=np.float32) / 10
    return Landmarks(image, np.zeros((len(places), 33, 3), np.float32), times, np.array(places).any(axis=1))


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    return saved(tmp_path, make_clip(*MOVING))


def saved(folder: Path, content: bytes, name: str = "clip.mp4") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def described(path: Path) -> str:
    return subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False).stderr


def frames_of(path: Path) -> list[np.ndarray]:
    shape = read_shape(path, 16, 4000)
    return list(read_upright(path, shape))


def near(pixels: np.ndarray, colour: tuple[int, int, int], by: int = 40) -> np.ndarray:
    """(…) bool: where pixels (…, 3) have a colour, as H.264 keeps it."""
    return (np.abs(pixels.astype(int) - colour) <= by).all(axis=-1)


# ------------------------------------------------------------------------------------------------------ the new clip


@pytest.mark.parametrize(
    ("size", "turn", "wanted"),
    [
        ("320x240", "0", "640x480"),  # tiny: larger, so that words can be read
        ("1920x1080", "0", "1280x720"),
        ("640x360", "90", "360x640"),  # a phone held upright
        ("640x360", "-90", "360x640"),
        ("640x360", "180", "640x360"),
        ("801x601", "0", "802x602"),
        ("3840x2160", "0", "1280x720"),
    ],
)
def test_the_overlay_is_h264_that_everything_plays_in_the_shape_of_the_clip(
    make_clip, tmp_path: Path, size: str, turn: str, wanted: str
) -> None:
    plain = saved(
        tmp_path,
        make_clip("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=20:duration=0.4,format=yuv444p"),
        "plain.mkv",
    )
    turned = saved(tmp_path, make_clip("-display_rotation", turn, "-i", str(plain), "-c", "copy"))
    write_overlay(turned, answer(SQUAT, seconds=0.4), classifier(), tmp_path / "out.mp4")
    text = described(tmp_path / "out.mp4")
    assert "h264" in text
    assert "yuv420p" in text
    assert f", {wanted}" in text
    assert "rotation" not in text
    assert "20 fps" in text
    assert "Audio" not in text
    assert len(frames_of(tmp_path / "out.mp4")) == 8


def test_a_turned_clip_stands_upright_in_its_overlay(make_clip, tmp_path: Path) -> None:
    """A red bar on the left; turned a quarter counter-clockwise for showing, it lies at the bottom, above the bar."""
    bar = "color=black:size=640x640:rate=10:duration=0.4,drawbox=x=0:y=0:w=240:h=640:color=red:t=fill"
    plain = saved(tmp_path, make_clip("-f", "lavfi", "-i", bar), "plain.mp4")
    turned = saved(tmp_path, make_clip("-display_rotation", "90", "-i", str(plain), "-c", "copy"))
    write_overlay(turned, answer(SQUAT), classifier(), tmp_path / "out.mp4")
    rows = np.flatnonzero(near(frames_of(tmp_path / "out.mp4")[0][:, 600], (254, 0, 0), 30))
    assert rows.min() == pytest.approx(400, abs=4)


def test_pixels_that_are_not_square_become_square(make_clip, tmp_path: Path) -> None:
    wide = saved(tmp_path, make_clip("-f", "lavfi", "-i", "color=red:size=360x480:rate=10:duration=0.4,setsar=2"))
    write_overlay(wide, answer(SQUAT), classifier(), tmp_path / "out.mp4")
    assert ", 720x480" in described(tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "aac"), (".avi", "pcm_s16le"), (".mkv", "libvorbis"), (".webm", "libopus")]
)
def test_the_sound_is_kept(make_clip, tmp_path: Path, suffix: str, codec: str) -> None:
    loud = saved(tmp_path, make_clip(*MOVING, *SOUND, "-c:a", codec, suffix=suffix), f"clip{suffix}")
    write_overlay(loud, answer(SQUAT, REST), classifier(), tmp_path / "out.mp4")
    text = described(tmp_path / "out.mp4")
    assert "Audio: aac" in text
    assert "Duration: 00:00:02.0" in text
    sound = subprocess.run(
        [get_ffmpeg_exe(), "-loglevel", "error", "-i", str(tmp_path / "out.mp4"), "-ac", "1", "-ar", "8000",
         "-f", "s16le", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    heard = np.frombuffer(sound, np.int16).astype(float)
    tone = np.abs(np.fft.rfft(heard))
    assert np.argmax(tone) * 8000 / len(heard) == pytest.approx(440, abs=3)


def test_sound_stays_where_it_was(make_clip, tmp_path: Path) -> None:
    """It begins half a second after the picture."""
    late = make_clip(*MOVING, "-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=duration=1.5", suffix=".mkv")
    write_overlay(saved(tmp_path, late, "clip.mkv"), answer(SQUAT, REST), classifier(), tmp_path / "out.mp4")
    sound = subprocess.run(
        [get_ffmpeg_exe(), "-loglevel", "error", "-i", str(tmp_path / "out.mp4"), "-ac", "1", "-ar", "8000",
         "-f", "s16le", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    loud = np.flatnonzero(np.abs(np.frombuffer(sound, np.int16).astype(int)) > 500)
    assert loud[0] / 8000 == pytest.approx(0.5, abs=0.03)


def test_sound_that_nobody_can_decode_is_left_out(make_clip, tmp_path: Path) -> None:
    loud = make_clip(*MOVING, *SOUND, "-c:a", "aac", suffix=".mkv").replace(b"A_AAC", b"A_ABC")
    write_overlay(saved(tmp_path, loud, "clip.mkv"), answer(SQUAT, REST), classifier(), tmp_path / "out.mp4")
    assert "Audio" not in described(tmp_path / "out.mp4")
    assert len(frames_of(tmp_path / "out.mp4")) == 40


@pytest.mark.parametrize("frames", [1, 3])
def test_the_shortest_clip_has_an_overlay_and_a_strip(make_clip, tmp_path: Path, frames: int) -> None:
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30", "-frames:v", str(frames)))
    given = answer(replace(SQUAT, end_s=0.1, repetitions=0, times_s=()), seconds=0.1)
    write_overlay(clip, given, classifier(), tmp_path / "out.mp4")
    write_strip(clip, given, classifier(), tmp_path / "out.png")
    assert len(frames_of(tmp_path / "out.mp4")) == frames
    assert Image.open(tmp_path / "out.png").width == 1600


def test_a_clip_whose_container_names_no_length_is_drawn(make_clip, tmp_path: Path) -> None:
    program = [get_ffmpeg_exe(), "-loglevel", "error", *MOVING, "-f", "matroska", "-"]
    live = saved(tmp_path, subprocess.run(program, capture_output=True, check=True).stdout, "live.mkv")
    assert "Duration: N/A" in described(live)
    write_overlay(live, answer(SQUAT, REST), classifier(), tmp_path / "out.mp4")
    assert len(frames_of(tmp_path / "out.mp4")) == 40


def test_the_very_thin_and_the_very_small_are_drawn(make_clip, tmp_path: Path) -> None:
    for size in ("16x1600", "1600x16", "16x16"):
        clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=0.3"))
        given = answer(SQUAT, REST, landmarks=landmarks_at([(320, 240)] * 3))
        write_overlay(clip, given, classifier(), tmp_path / "out.mp4")
        write_strip(clip, given, classifier(), tmp_path / "out.png")
        assert len(frames_of(tmp_path / "out.mp4")) == 3


@pytest.mark.parametrize(
    ("rate", "wanted"), [("30000/1001", "30000/1001"), ("5", "10"), ("120", "60"), ("1000", "1000/17"), ("0", "30")]
)
def test_rates_are_such_as_screens_show(rate: str, wanted: str) -> None:
    assert usual_rate(Fraction(rate)) == Fraction(wanted)


def test_progress_goes_from_nothing_to_all(clip: Path, tmp_path: Path) -> None:
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        shares: list[float] = []
        write(clip, answer(SQUAT, REST), classifier(), tmp_path / name, progress=shares.append)
        assert shares == sorted(shares)
        assert shares[0] < 0.1
        assert shares[-1] == 1


# ---------------------------------------------------------------------------------------------------------- skeleton


def ball(rate: int, size: str = "640x360", more: str = "") -> tuple[str, ...]:
    """A white ball on black that goes to the right, 130 pixels a second."""
    lit = "255*lte(hypot(X-120-130*T,Y-240),9)"
    return ("-f", "lavfi", "-i", f"color=black:size={size}:rate={rate}:duration=2,format=gray,geq=lum='{lit}'{more}")


def ball_in(frame: np.ndarray) -> tuple[float, float]:
    """Its middle, in pixels."""
    rows, columns = np.nonzero(frame[..., 0] > 120)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize(
    ("rate", "size", "more"),
    [(30, "640x360", ""), (25, "640x360", ""), (15, "400x640", ""), (60, "640x480", ""),
     (30, "640x360", ",select='not(mod(n,3))+gt(n,30)'")],
    ids=["30 fps", "25 fps", "portrait", "60 fps", "variable rate"],
)  # fmt: skip
def test_the_skeleton_is_where_the_person_is_at_any_time(make_clip, fit: str, rate: int, size: str, more: str) -> None:
    """The landmarks are where `read_frames` shows the ball, so the skeleton is where the overlay's frames show it."""
    source = make_clip(*ball(rate, size, more), "-qp", "0", "-fps_mode", "vfr")
    rows = [ball_in(frame) for frame in read_frames(source, 10, fit)]
    shape = read_shape(source, 640, 1280)
    skeleton = Skeleton(landmarks_at(rows), classifier(fit), shape)
    skeleton.leaps = lambda row, after: False  # type: ignore[method-assign] - all landmarks are in one place
    late = 0.05 * 130 if more else 1.5  # where the rate varies, the picture stands still between its frames
    for number, frame in enumerate(read_upright(source, shape)):
        seconds = number / shape.rate
        if skeleton.times[0] <= seconds <= 1.7:
            pose = skeleton.at(float(seconds))
            assert pose
            assert pose[0][0] == pytest.approx(ball_in(frame), abs=late * shape.width / int(size.split("x")[0])), number


def person() -> np.ndarray:
    """(33, 4) float32: somebody who stands, in 640x480."""
    points = np.tile(np.array([320, 120, 0, 1], np.float32), (33, 1))
    places = {"SHOULDER": (40, 150), "ELBOW": (60, 200), "WRIST": (65, 250), "INDEX": (66, 265), "HIP": (30, 260),
              "KNEE": (30, 330), "ANKLE": (30, 400), "HEEL": (32, 405), "FOOT_INDEX": (40, 410)}  # fmt: skip
    for name, (x, y) in places.items():
        points[Landmark[f"LEFT_{name}"], :2], points[Landmark[f"RIGHT_{name}"], :2] = (320 + x, y), (320 - x, y)
    return points


def skeleton_of(*people: np.ndarray | None) -> Skeleton:
    image = np.stack([np.zeros((33, 4), np.float32) if points is None else points for points in people])
    found = np.array([points is not None for points in people])
    count = len(people)
    landmarks = Landmarks(image, np.zeros((count, 33, 3), np.float32), np.arange(count, dtype=np.float32) / 10, found)
    return Skeleton(landmarks, classifier(), SHAPE)


def drawn(skeleton: Skeleton, seconds: float, grey: int = 128) -> np.ndarray:
    frame = np.full((480, 640, 3), grey, np.uint8)
    skeleton.draw(frame, seconds)
    return frame


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_bones_are_seen_on_any_background(grey: int) -> None:
    frame = drawn(skeleton_of(person()), 0.0, grey)
    points = person()
    for name in ("SHOULDER", "ELBOW", "KNEE"):
        x, y = points[Landmark[f"LEFT_{name}"], :2].astype(int)
        assert (frame[y, x] > 240).all(), "a joint is a white dot"
        around = frame[y - 5 : y + 6, x - 5 : x + 6].reshape(-1, 3)
        assert np.ptp(around.astype(int).sum(axis=1)) > 300, "with a dark rim"
    assert (frame[:100] == grey).all()
    assert (frame[:, :200] == grey).all()


def test_nothing_is_drawn_where_nobody_was_found() -> None:
    skeleton = skeleton_of(person(), person(), None, None)
    assert (drawn(skeleton, 0.1) != 128).any()
    assert (drawn(skeleton, 0.25) == 128).all()
    assert (drawn(skeleton, 0.3) == 128).all()


def test_nobody_flies_from_one_person_to_the_next() -> None:
    moved = person() + np.float32([250, 0, 0, 0])
    skeleton = skeleton_of(person(), moved)
    between = skeleton.times[0] + 0.6 * (skeleton.times[1] - skeleton.times[0])
    assert np.abs(cast(Any, skeleton.at(between))[0] - moved[:, :2]).max() < 0.01


def test_what_is_hardly_visible_is_dim() -> None:
    points = person()
    points[Landmark.LEFT_WRIST, 3] = 0.1
    x, y = points[Landmark.LEFT_WRIST, :2].astype(int)
    level = drawn(skeleton_of(points), 0.0, 0)[y, x].mean()
    assert 40 < level < 130


# ------------------------------------------------------------------------------------------------ label and timeline


def test_the_count_goes_up_when_a_repetition_is_counted() -> None:
    assert [count_at(SQUAT, seconds)[0] for seconds in (0, 0.29, 0.3, 0.79, 0.8, 1.0)] == ["0", "0", "1", "1", "2", "2"]
    assert count_at(SQUAT, 0.3)[1] == "rep"
    assert count_at(REST, 1.5) == ("", "")
    plank = Segment(10.0, 24.6, "plank", 0.8, None, 14.6, ())
    assert [count_at(plank, seconds) for seconds in (10, 13.2, 24.6)] == [
        ("0 s", "held"),
        ("3 s", "held"),
        ("14 s", "held"),
    ]


def test_the_label_changes_at_those_times_and_no_others() -> None:
    given = answer(SQUAT, REST)
    painter = Painter(given, classifier(), SHAPE)
    labels = []
    for number in range(40):
        frame = np.full((480, 640, 3), 128, np.uint8)
        painter.draw(frame, number / 20)
        labels.append(frame[:120].copy())
    changes = [number / 20 for number in range(1, 40) if (labels[number] != labels[number - 1]).any()]
    assert changes == [0.3, 0.8, 1.0]


def test_the_bar_shows_the_segments_in_their_colours_and_the_time(clip: Path, tmp_path: Path) -> None:
    given = answer(SQUAT, REST)
    write_overlay(clip, given, classifier(), tmp_path / "out.mp4")
    (squat, rest), frames = colours(given.segments, EXERCISES), frames_of(tmp_path / "out.mp4")
    assert squat in PALETTE
    assert rest == GREY
    timeline = Timeline(given, [squat, rest], SHAPE)
    row = frames[10][timeline.top + timeline.edge + 3]  # half a second
    assert near(row, squat)[:300].mean() > 0.9
    assert near(row, rest)[330:].mean() > 0.95
    assert near(row, (255, 255, 255))[155:165].any()
    for number in (0, 10, 39):
        heads = np.flatnonzero(near(frames[number][timeline.top + timeline.edge + 3], (255, 255, 255), 60))
        assert heads.mean() == pytest.approx(number / 40 * 640, abs=5)


def test_none_is_no_exercise_or_one_that_is_not_known() -> None:
    unknown = replace(REST, repetitions=5, times_s=(1.1, 1.2, 1.3, 1.4, 1.5))
    assert [name_of(segment) for segment in (SQUAT, REST, unknown)] == ["squat", "no exercise", "unknown exercise"]
    assert len({*colours([SQUAT, REST, unknown], EXERCISES)}) == 3


def test_exercises_of_one_clip_have_colours_of_their_own_always_the_same() -> None:
    names = [f"exercise{number}" for number in range(12)]
    segments = [replace(SQUAT, exercise=name) for name in names]
    assert len({*colours(segments, names)}) == 12
    assert colours(segments[::-1], names) == colours(segments, names)[::-1]
    assert colours(segments[3:4], names) == colours(segments, names)[3:4]
    assert len(colours([replace(SQUAT, exercise=f"more{number}") for number in range(40)], names)) == 40


def test_text_is_made_to_fit() -> None:
    assert fit_text("squat", 500, 30, 10) == ("squat", 30)
    text, size = fit_text("standing overhead press", 60, 30, 10)
    assert size == 10
    assert text.endswith("…")
    assert text_width(text, size) <= 60
    assert fit_text("squat", 1, 30, 10)[0] == ""


def test_times_are_told_as_clocks_do() -> None:
    assert [format_time(seconds) for seconds in (0, 65, 3725)] == ["0:00", "1:05", "1:02:05"]


# ------------------------------------------------------------------------------------------------------- what fails


def test_the_clip_itself_is_never_written_over(clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    os.link(clip, tmp_path / "hard.mp4")
    for out in (clip, tmp_path / "link.mp4", tmp_path / "hard.mp4", tmp_path / "." / "clip.mp4"):
        with pytest.raises(UserError, match="is the clip itself"):
            write_overlay(clip, answer(SQUAT), classifier(), out)
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/out.mp4", "No such file or directory"),
        ("folder.mp4", "is a folder"),
        ("x" * 300 + ".mp4", "too long"),
        ("clip.mp4/out.mp4", "Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_drawn(
    clip: Path, tmp_path: Path, name: str, message: str
) -> None:
    for folder in ("folder.mp4", "folder.png"):
        (tmp_path / folder).mkdir()
    with pytest.raises(UserError, match=message):
        write_overlay(clip, answer(SQUAT), classifier(), tmp_path / name)
    with pytest.raises(UserError, match=message.replace(".mp4", ".png")):
        write_strip(clip, answer(SQUAT), classifier(), (tmp_path / name).with_suffix(".png"))


@pytest.mark.parametrize("name", ["out.avi", "out.png.mp3", "out"])
def test_a_name_that_says_something_else_is_refused(clip: Path, tmp_path: Path, name: str) -> None:
    for write, suffix in ((write_overlay, ".mp4"), (write_strip, ".png")):
        with pytest.raises(UserError, match=f"must end in {suffix}"):
            write(clip, answer(SQUAT), classifier(), tmp_path / name)


def kill_ffmpeg(word: str) -> None:
    """The one of this program whose arguments name `word`."""
    for process in psutil.Process().children(recursive=True):
        if word in process.cmdline() and "ffmpeg" in process.cmdline()[0]:
            process.kill()


@pytest.mark.parametrize(("word", "message"), [("libx264", "encoder ended"), ("pipe:1", "killed")])
def test_when_either_ffmpeg_is_killed_nothing_stays(make_clip, tmp_path: Path, word: str, message: str) -> None:
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=8"))
    saved(tmp_path, b"earlier", "out.mp4")

    def progress(share: float) -> None:
        if 0.1 < share < 0.2:
            kill_ffmpeg(word)

    with pytest.raises(UserError, match=message):
        write_overlay(clip, answer(SQUAT, seconds=8.0), classifier(), tmp_path / "out.mp4", progress=progress)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
    assert not psutil.Process().children(recursive=True)


def test_a_full_disk_is_told_and_leaves_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        with pytest.raises(UserError, match=rf"{name}: cannot be written \(No space left on device\)"):
            write(clip, answer(SQUAT), classifier(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_what_stops_the_encoder_is_told() -> None:
    limits = Limits(cpu_seconds=10)
    assert "disk is full" in encode_reason(228, 0.1, "av_interleaved_write_frame(): No space left on device", limits)
    assert "limits.cpu_seconds, 10" in encode_reason(137, 9.9, "", limits)
    assert "exit code 137: it was killed" in encode_reason(137, 1.0, "", limits)


def test_a_clip_that_does_not_decode_or_is_too_long_has_no_pictures(make_clip, clip: Path, tmp_path: Path) -> None:
    broken = saved(tmp_path, b"no clip", "broken.mp4")
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        with pytest.raises(ClipError, match="does not decode"):
            write(broken, answer(SQUAT), classifier(), tmp_path / name)
        with pytest.raises(ClipError, match=r"limits\.seconds"):
            write(clip, answer(SQUAT, REST), classifier(), tmp_path / name, limits=Limits(seconds=1))
        assert not (tmp_path / name).exists()


# ------------------------------------------------------------------------------------------------------------- strip


def test_a_strip_shows_the_middle_frame_of_each_segment_above_its_colour(make_clip, tmp_path: Path) -> None:
    """A clip that is red while somebody squats, then blue."""
    halves = "color=red:size=320x240:rate=20:duration=2,drawbox=color=blue:t=fill:enable='gte(t,1)'"
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", halves))
    given = answer(SQUAT, REST)
    write_strip(clip, given, classifier(), tmp_path / "out.png")
    picture = np.asarray(Image.open(tmp_path / "out.png"))
    assert picture.shape[1:] == (1600, 3)
    frames = picture[strip.row_top(0) + 80]
    assert near(frames[412], (254, 0, 0))
    assert near(frames[1188], (0, 0, 254))
    block = picture[strip.row_top(0) + strip.BLOCK_TOP + 5]
    for colour, (left, right) in zip(colours(given.segments, EXERCISES), ((24, 800), (800, 1576)), strict=True):
        inside = np.flatnonzero(near(block, colour, 1))
        assert (inside.min(), inside.max()) == (pytest.approx(left, abs=2), pytest.approx(right, abs=2))


def test_a_long_workout_goes_on_in_further_rows() -> None:
    segments = [
        Segment(
            30.0 * n, 30.0 * n + 30, EXERCISES[n // 2 % 4] if n % 2 else "none", 0.8, 12 if n % 2 else None, None, ()
        )
        for n in range(40)
    ]
    pieces = arrange(answer(*segments, seconds=1200.0))
    assert sorted({piece.row for piece in pieces}) == list(range(max(piece.row for piece in pieces) + 1))
    assert sum(piece.main for piece in pieces) == 40
    widths = [piece.right - piece.left for piece in pieces if piece.main and piece.number % 2]
    assert np.mean(np.array(widths) >= 80) >= 0.9
    assert {number: sum(p.right - p.left for p in pieces if p.number == number) for number in range(40)} == {
        number: pytest.approx(1552 * (max(p.row for p in pieces) + 1) / 40, abs=1) for number in range(40)
    }


@pytest.mark.parametrize("count", [1, 3, 500])
def test_any_number_of_segments_makes_a_strip(clip: Path, tmp_path: Path, count: int) -> None:
    cuts = np.linspace(0, 2, count + 1)
    segments = [
        Segment(start, end, EXERCISES[number % 5], 0.5, 3, None, ())
        for number, (start, end) in enumerate(pairwise(cuts.tolist()))
    ]
    write_strip(clip, answer(*segments), classifier(), tmp_path / "out.png")
    assert Image.open(tmp_path / "out.png").height <= strip.row_top(strip.MAX_ROWS)


# ----------------------------------------------------------------------------------------------------------- command


def test_the_command_plans_its_pictures(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mov", "c.jpg", "more/a.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        saved(tmp_path, b"", name)
    a, b, c, other = (tmp_path / name for name in ("a.mp4", "b.mov", "c.jpg", "more/a.mkv"))
    out = tmp_path / "out.mp4"
    assert plan_outputs([a], None, "overlay", ".mp4") == {}
    assert plan_outputs([a], out, "overlay", ".mp4") == {a: out}
    assert plan_outputs([a, b, c], tmp_path / "more", "overlay", ".mp4") == {
        a: tmp_path / "more/a.overlay.mp4", b: tmp_path / "more/b.overlay.mp4"
    }  # fmt: skip
    for files, place, message in (
        ([a, b], out, "one file for 2 inputs"),
        ([c], out, "is no clip"),
        ([c], tmp_path / "more", "is no clip"),
        ([a, other], tmp_path / "more", "two clips would become"),
        ([a], a, "is the clip itself"),
    ):
        with pytest.raises(UserError, match=message):
            plan_outputs(files, place, "overlay", ".mp4")


def predict(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "fitness_tracker.cli", "predict", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_the_command_refuses_before_it_runs(clip: Path, tmp_path: Path) -> None:
    done = predict(clip, clip, "--overlay", tmp_path / "out.mp4", "--classifier", tmp_path / "none")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "one file for 2 inputs" in done.stderr


@pytest.mark.slow
def test_the_command_writes_both(make_clip, tmp_path: Path) -> None:
    """By a classifier that knows no landmarks."""
    network = Cnn(image_size=32, filters=[4, 4, 4], dense_units=8, dropout=0.0, members=1, patience_epochs=1)
    members = [FrameMember(build_cnn(network, 3), [0, 1])]
    bundle = FrameClassifier(["lunge", "plank", "squat"], "pad", 10.0, "", {}, 1.0, 1.0, {}, network, members)
    save_classifier(bundle, tmp_path / "bundle")
    clip = saved(tmp_path, make_clip(*MOVING, *SOUND))
    out, picture = tmp_path / "out.mp4", tmp_path / "out.png"
    done = predict(clip, "--overlay", out, "--strip", picture, "--classifier", tmp_path / "bundle", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert len(frames_of(out)) == 40
    assert Image.open(picture).format == "PNG"
    (tmp_path / "many").mkdir()
    done = predict(clip, "--overlay", tmp_path / "many", "--classifier", tmp_path / "bundle")
    assert [path.name for path in (tmp_path / "many").iterdir()] == ["clip.overlay.mp4"]


@pytest.mark.skipif(not WITHOUT_ROOTS_RIGHTS and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_told(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    program = "import sys, pathlib; from fitness_tracker.drawing.outputs import check_output as check; "
    program += "check(*map(pathlib.Path, sys.argv[1:]), '.mp4')"
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-c", program, str(clip), str(tmp_path / "closed/out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "cannot be written (Permission denied)" in done.stderr
