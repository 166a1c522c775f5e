import csv
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import body
import jsonschema
import numpy as np
import pytest
import render

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.core.errors import UserError, printable
from fitness_tracker.core.params import Cnn
from fitness_tracker.models.bundle import save_classifier
from fitness_tracker.models.classifier import Prediction
from fitness_tracker.models.cnn.classifier import FrameClassifier, FrameMember
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.prediction import formats
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS, find_files
from fitness_tracker.prediction.predict import predict_clip, predict_exercise
from fitness_tracker.video import ffmpeg as video
from fitness_tracker.video.frames import encode_jpeg
from fitness_tracker.video.letterbox import fit_frame
from tests.conftest import ROOT

CNN = Cnn(image_size=32, filters=[4, 4, 4], dense_units=8, dropout=0.0, members=1, patience_epochs=1)


def png_header(width: int, height: int) -> bytes:
    """The begin of a PNG that claims a size."""
    fields = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + fields + struct.pack(">II", zlib.crc32(fields), 9) + b"IDAT"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    exercises = ["lunge", "plank", "squat"]
    members = [FrameMember(build_cnn(CNN, 3), [0, 1])]
    save_classifier(FrameClassifier(exercises, "pad", 10.0, "", {}, 1.0, 1.0, {}, CNN, members), folder)
    return folder


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1280, 720), (360, 640), (638, 202)])
def test_a_frame_is_fitted_as_the_resize_stage_does_it(make_clip, fit: str, size: tuple[int, int]) -> None:
    lossless = make_clip(
        "-f", "lavfi", "-i", f"testsrc2=size={size[0]}x{size[1]}:rate=5:duration=0.2",
        "-c:v", "libx264rgb", "-qp", "0", suffix=".mkv",
    )  # fmt: skip
    frame = next(frame for frame in _frames_as_they_are(lossless, size))
    expected = next(video.read_frames(lossless, 5, fit))
    fitted = fit_frame(frame, fit)
    assert fitted.shape == (480, 640, 3)
    assert np.abs(fitted.astype(int) - expected).mean() < 8


def _frames_as_they_are(clip: bytes, size: tuple[int, int]):
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run(command, input=clip, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


def test_a_frame_gets_an_exercise_and_a_confidence(bundle: Path, noise) -> None:
    exercise, confidence = predict_exercise(noise(720, 1280, 3), bundle)
    assert exercise in ("lunge", "plank", "squat")
    assert 1 / 3 <= confidence <= 1


@pytest.mark.parametrize(
    "frame",
    [np.zeros((480, 640), np.uint8), np.zeros((480, 640, 3)), np.zeros((480, 640, 4), np.uint8), "frame", None,
     np.zeros((0, 640, 3), np.uint8)],
)  # fmt: skip
def test_what_is_no_frame_is_refused(bundle: Path, frame: object) -> None:
    with pytest.raises(ValueError, match="frame"):
        predict_exercise(frame, bundle)


def test_a_picture_and_a_clip_of_it_are_the_same_exercise(bundle: Path, make_clip, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=640x480:rate=10:duration=0.1")
    (tmp_path / "a.MP4").write_bytes(clip)
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(next(video.read_frames(clip, 10, "pad")), 98))
    of_clip, of_picture = predict_clip(tmp_path / "a.MP4", bundle), predict_clip(tmp_path / "a.jpg", bundle)
    assert of_clip.exercise == of_picture.exercise
    assert of_clip.confidence == pytest.approx(of_picture.confidence, abs=0.02)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mp4", b"no clip", "does not decode"),
        ("a.jpg", b"no picture", "does not decode"),
        ("a.jpg", b"", "does not decode"),
        ("a.txt", b"text", "neither a clip"),
        ("missing.mp4", None, "No such file"),
        ("x" * 300 + ".mp4", None, "too long"),
        ("a.png", png_header(10_000, 5_000), "more than 40000000 pixels"),
        ("a.png", png_header(10**6, 10**6), "more than 40000000 pixels"),
    ],
)
def test_a_file_that_fails_is_told(bundle: Path, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        predict_clip(tmp_path / name, bundle)


def test_folders_stand_for_the_clips_and_pictures_in_them(tmp_path: Path) -> None:
    for name in ("b/x.mp4", "b/y.PNG", "b/z.txt", "b/.hidden/w.mp4", "a.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_files([tmp_path / "b", tmp_path / "z.txt"]) == [
        tmp_path / "b/x.mp4",
        tmp_path / "b/y.PNG",
        tmp_path / "z.txt",
    ]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).parent / "fitness-tracker"), "predict", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_people_never_seen_are_recognised_from_file_to_answer(taught: Path, drawn: Path) -> None:
    """Taught by four people alone, it may miss one clip of six."""
    clips = [path for person in (1, 2) for path in sorted((drawn / "videos").glob(f"*/person0{person}__1.mp4"))]
    named = [predict_clip(path, taught).exercise for path in clips]
    assert len(clips) == 6
    assert sum(name == path.parent.name for name, path in zip(named, clips, strict=True)) >= 5, named


@pytest.mark.slow
def test_one_frame_is_enough_for_a_picture(taught: Path, drawn: Path) -> None:
    frames = list(video.read_frames((drawn / "videos/plank/person01__1.mp4").read_bytes(), 2, "pad"))
    assert predict_exercise(frames[1], taught)[0] == "plank"


@pytest.mark.slow
def test_a_picture_neither_counts_nor_holds(taught: Path, drawn: Path, tmp_path: Path) -> None:
    frames = list(video.read_frames((drawn / "videos/plank/person01__1.mp4").read_bytes(), 2, "pad"))
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(frames[1], 95))
    answer = predict_clip(str(tmp_path / "a.jpg"), str(taught))
    assert (answer.exercise, answer.repetitions, answer.held_s) == ("plank", None, None)
    held = predict_clip(drawn / "videos/plank/person01__1.mp4", taught)
    assert (held.repetitions, held.held_s) == (None, held.duration_s)


@pytest.mark.slow
def test_no_frame_at_all_is_refused(bundle: Path, taught: Path) -> None:
    for classifier in (bundle, taught):
        with pytest.raises(ValueError, match="no frame"):
            predict_clip([], classifier)


@pytest.mark.slow
def test_nobody_on_a_clip_is_none(taught: Path, make_clip, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(make_clip())
    answer = predict_clip(tmp_path / "empty.mp4", taught)
    assert answer.exercise == "none"
    assert answer.confidence > 0.95
    assert answer.repetitions is None


def stand_still(shape: body.Body, effort: float) -> body.Pose:
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    return joints


def walk(shape: body.Body, effort: float) -> body.Pose:
    """On the spot: one leg ahead at no effort, the other at full."""
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    for side, sign in body.SIDES:
        swing = sign * (2 * effort - 1)
        ankle = np.array([sign * 0.1, shape.ankle + 0.08 * max(0, swing), 0.3 * swing])
        body.add_leg(joints, shape, side, ankle, body.unit(0, 0, 1), body.unit(0, 0, 1))
        wrist = joints[f"{side}_shoulder"] + 0.95 * shape.arm * body.unit(sign * 0.1, -1, -0.35 * swing)
        body.add_arm(joints, shape, side, wrist, body.unit(0, 0, -1))
    return joints


@pytest.mark.slow
@pytest.mark.parametrize("idle", [stand_still, walk], ids=["stands", "walks"])
def test_who_does_no_exercise_gets_none(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle) -> None:
    monkeypatch.setitem(render.EXERCISES, "idle", (idle, (1.0, 1.2)))
    rng = np.random.default_rng(3)
    render.render_clip(tmp_path / "idle.mp4", "idle", render.invent_person(rng), rng)
    answer = predict_clip(tmp_path / "idle.mp4", taught)
    assert answer.exercise == "none"
    assert 0.5 < answer.confidence <= 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_clip) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "good.mp4").write_bytes(make_clip())
    (folder / "bad.mp4").write_bytes(b"no clip")
    (folder / "noise.jpg").write_bytes(encode_jpeg(np.zeros((90, 120, 3), np.uint8), 90))
    return folder


@pytest.mark.slow
def test_the_command_answers_in_json_and_fails_if_any_failed(bundle: Path, folder: Path) -> None:
    done = command(folder, "--json", "--classifier", bundle)
    assert done.returncode == 1
    assert done.stderr == ""
    bad, good, picture = (json.loads(line) for line in done.stdout.splitlines())
    assert set(bad) == {"path", "error"}
    assert bad["path"].endswith("bad.mp4")
    schema = json.loads((ROOT / "docs/prediction.schema.json").read_text())
    for answer in (bad, good, picture):
        jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, "repetitions": -1}, schema, jsonschema.Draft202012Validator)
    assert good["segments"][0]["start_s"] == 0
    assert good["segments"][-1]["end_s"] == good["duration_s"]


@pytest.mark.slow
def test_the_command_answers_in_a_table(bundle: Path, folder: Path) -> None:
    done = command(folder / "good.mp4", "--classifier", bundle)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "good.mp4" in done.stdout
    assert "%" in done.stdout


@pytest.mark.slow
def test_the_command_tells_in_one_line_that_there_is_no_classifier(tmp_path: Path, folder: Path) -> None:
    done = command(folder, "--classifier", tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "holds no classifier" in done.stderr


@pytest.mark.slow
def test_the_command_ends_quietly_when_nobody_reads_on(bundle: Path, folder: Path) -> None:
    program = Path(sys.executable).parent / "fitness-tracker"
    script = f"'{program}' predict '{folder}' '{folder}' --classifier '{bundle}' | head -n 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.slow
def test_the_command_tells_that_a_folder_holds_nothing_and_answers_the_rest(
    bundle: Path, folder: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "empty").mkdir()
    done = command(tmp_path / "empty", tmp_path / "pipe.mp4", folder / "good.mp4", "--classifier", bundle)
    assert done.returncode == 1
    empty, pipe, good = done.stdout.splitlines()
    assert "no picture and no clip" in empty
    assert "is no file" in pipe
    assert "%" in good


def test_a_path_is_printed_on_one_line() -> None:
    assert printable(Path("a\nb é.mp4")) == "a\\nb é.mp4"


@pytest.mark.slow
def test_csv_has_a_line_for_each_segment_and_failure(bundle: Path, folder: Path) -> None:
    done = command(folder, "--csv", "--classifier", bundle)
    assert done.returncode == 1
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [Path(row["path"]).name for row in rows] == ["bad.mp4", "good.mp4", "noise.jpg"]
    assert rows[0]["error"].startswith("does not decode")
    assert rows[0]["exercise"] == rows[1]["error"] == ""
    assert (rows[1]["start_s"], rows[1]["exercise"] in ("lunge", "plank", "squat")) == ("0.0", True)


def answer_of(*segments: Segment) -> Answer:
    whole = segments[0]
    nothing = Prediction(np.zeros((1, 1)), np.zeros(1))
    return Answer(
        whole.exercise, whole.confidence, 0.1, whole.repetitions, whole.held_s, segments[-1].end_s, segments, nothing
    )


def test_the_table_reads_like_a_sentence() -> None:
    squats = Segment(0.0, 62.0, "squat", 0.97, 8, None, ())
    assert formats.answer_lines("a.mp4", answer_of(squats)) == ["a.mp4  squat              97%  8 repetitions"]
    rest, plank = Segment(62.0, 70.0, "none", 0.8, None, None, ()), Segment(70.0, 3700.4, "plank", 0.5, None, 12.5, ())
    unknown = Segment(3700.4, 3710.0, "none", 0.6, 1, None, ())
    assert formats.answer_lines("a.mp4", answer_of(squats, rest, plank, unknown))[1:] == [
        "  0:00 to 1:02  squat              97%  8 repetitions",
        "  1:02 to 1:10  none               80%",
        "  1:10 to 1:01:40  plank              50%  held for 12.5 s",
        "  1:01:40 to 1:01:50  unknown exercise   60%  1 repetition",
    ]


@pytest.mark.slow
def test_a_classifier_comes_from_a_revision_of_a_repository(bundle: Path, folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "theirs"
    shutil.copytree(bundle, repository / "models/classifier")
    for line in (
        "git init -q", "dvc init -q", "dvc add -q models/classifier", "git add -A",
        "git -c user.name=n -c user.email=e commit -qm first", "git tag v1",
    ):  # fmt: skip
        subprocess.run(line.split(), cwd=repository, check=True)
    done = command(folder / "good.mp4", "--json", "--classifier", f"{repository}@v1")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["exercise"] in ("lunge", "plank", "squat")
    done = command(folder / "good.mp4", "--classifier", f"{repository}@v2")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"fitness-tracker: .*@v2: cannot be fetched \(.*\)\n", done.stderr)


def edited(clip: Path, out: Path, *options: str) -> Path:
    command = [*video.ffmpeg_command(), "-i", str(clip), *options, "-c:v", "libx264", str(out)]
    subprocess.run(command, check=True)
    return out


@pytest.mark.slow
def test_a_phone_held_upside_down_changes_nothing(taught: Path, drawn: Path, tmp_path: Path) -> None:
    """It writes the picture upside down and how to turn it; without that note, down is up, and nothing is known."""
    clip = drawn / "videos/squat/person01__1.mp4"
    turned, noted = edited(clip, tmp_path / "a.mp4", "-vf", "hflip,vflip"), tmp_path / "b.mp4"
    command = [*video.ffmpeg_command(), "-display_rotation", "180", "-i", str(turned), "-c", "copy", str(noted)]
    subprocess.run(command, check=True)
    upright, same = predict_clip(clip, taught), predict_clip(noted, taught)
    assert (same.exercise, same.repetitions) == (upright.exercise, upright.repetitions) == ("squat", 1)
    assert predict_clip(turned, taught).exercise == "none"


@pytest.mark.slow
def test_three_frames_get_an_answer(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip = edited(drawn / "videos/squat/person01__1.mp4", tmp_path / "a.mp4", "-frames:v", "3")
    answer = predict_clip(clip, taught)
    assert len(answer.segments) == 1
    assert answer.repetitions in (None, 0, 1)


@pytest.mark.slow
def test_of_four_people_one_is_followed(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip = drawn / "videos/squat/person01__1.mp4"
    four = "[0:v]split=4[a][b][c][d];[a][b]hstack[e];[c][d]hstack[f];[e][f]vstack"
    answer = predict_clip(edited(clip, tmp_path / "a.mp4", "-filter_complex", four), taught)
    assert answer.repetitions == predict_clip(clip, taught).repetitions


@pytest.mark.slow
def test_a_clip_beyond_the_limit_is_told(taught: Path, make_clip, tmp_path: Path) -> None:
    """Four hours if not told otherwise: here two seconds, of a clip of three."""
    (tmp_path / "long.mp4").write_bytes(make_clip("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3"))
    with pytest.raises(UserError, match="longer than"):
        predict_clip(tmp_path / "long.mp4", taught, replace(PREDICTION_LIMITS, seconds=2))
