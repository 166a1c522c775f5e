"""Bad clips stop a stage with the whole list, or are set aside with their reasons; none harms the others."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fitness_tracker.video.frames import extract_frames
from tests.projects import WITHOUT_ROOTS_RIGHTS, edit_params, is_ffmpeg, processes_of, run, run_stage
from tests.video.spoilt import HEAVY, SMALL

NAMES = (
    "plain", "two words", "it's \"quoted\"", "line\nbreak", "\U0001f3cb lift", "x" * 190, "-dash", "UPPER",
    "semi;colon&$(id)",
)  # fmt: skip
BAD = [
    "lunge/empty__1", "lunge/gone__1", "lunge/half__1", "lunge/sound__1", "lunge/text__1", "lunge/twice__1",
    "squat/twice__1",
]  # fmt: skip


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_no_ffmpeg_survives_a_killed_stage(project: Path, make_clip) -> None:
    folder, temporary = project / "data/videos/squat", project / "tmp"
    folder.mkdir(parents=True)
    temporary.mkdir()
    (folder / "a__1.mp4").write_bytes(make_clip(*HEAVY))
    env = os.environ | {"PYTHONPATH": str(project / "src"), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "stages.resize", "data/videos", "data/resized"]
    stage = subprocess.Popen(command, cwd=project, env=env)
    while not any(map(is_ffmpeg, processes_of(temporary))):
        assert stage.poll() is None
        time.sleep(0.02)
    stage.kill()
    stage.wait()
    assert psutil.wait_procs(processes_of(temporary), timeout=10)[1] == []
    assert not (project / "data/resized").exists()


@pytest.fixture
def zoo(project: Path, make_clip) -> Path:
    """A project with clips of all names and many faults."""
    squat, lunge = project / "data/videos/squat", project / "data/videos/lunge"
    squat.mkdir(parents=True)
    lunge.mkdir()
    for number, name in enumerate(NAMES):
        clip = make_clip("-f", "lavfi", "-i", f"testsrc=size=160x120:rate=10:duration={1 + number / 10}")
        (squat / f"{name}__1{'.MP4' if name == 'UPPER' else '.mp4'}").write_bytes(clip)
    good = make_clip(*SMALL)
    (lunge / "good__1.mp4").write_bytes(good)
    (lunge / "empty__1.mp4").write_bytes(b"")
    (lunge / "half__1.mp4").write_bytes(good[: len(good) // 2])
    (lunge / "text__1.mp4").write_text("not a film")
    (lunge / "sound__1.mp4").write_bytes(make_clip("-f", "lavfi", "-i", "sine=duration=1", suffix=".m4a"))
    twice = make_clip("-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=2.5")
    for folder in (squat, lunge):
        (folder / "twice__1.mp4").write_bytes(twice)
    (lunge / "gone__1.mp4").symlink_to("/nowhere/at/all.mp4")
    outside = project.parent / "outside.mp4"
    outside.write_bytes(make_clip(*SMALL, "-r", "28"))
    (lunge / "linked__1.mp4").symlink_to(outside)
    (lunge / "folder__1.mp4").mkdir()
    (lunge / "folder__1.mp4" / "inside__1.mp4").write_bytes(make_clip(*SMALL, "-r", "29"))
    return project


@pytest.mark.slow
def test_bad_clips_fail_the_stage_with_the_whole_list_and_the_others_are_kept(zoo: Path) -> None:
    failed = run_stage(zoo, "resize", "data/videos", "data/resized")
    assert failed.returncode == 1
    assert f"{len(BAD)} of {len(NAMES) + 10} clips failed" in failed.stderr
    assert "Traceback" not in failed.stderr
    for name in BAD:
        assert f"data/videos/{name}.mp4: " in failed.stderr
    assert not (zoo / "data/resized").exists()
    for name in BAD:
        (zoo / f"data/videos/{name}.mp4").unlink()
    again = run_stage(zoo, "resize", "data/videos", "data/resized")
    assert again.stdout == f"resize: {len(NAMES) + 3} clips, 0 of them new\n"


@pytest.mark.slow
def test_bad_clips_may_be_skipped_and_are_listed_with_their_reasons(zoo: Path, networks_folder: Path) -> None:
    edit_params(zoo, {"bad_clips": "skip", "extract.fps": 2})
    (temporary := zoo / "tmp").mkdir()
    for stage, arguments in (
        ("resize", ("data/videos", "data/resized")),
        ("extract", ("data/resized", "data/frames")),
        ("landmarks", ("data/frames", str(networks_folder), "data/landmarks", "metrics")),
    ):
        done = run_stage(zoo, stage, *arguments, TMPDIR=str(temporary))
        assert done.returncode == 0, done.stderr
    assert processes_of(temporary) == list(temporary.iterdir()) == []
    rows = table(zoo / "metrics/rejected.csv")
    assert [row["clip"] for row in rows] == BAD
    assert {row["stage"] for row in rows} == {"resize"}
    reasons = {row["clip"]: row["reason"] for row in rows}
    assert "cannot be read" in reasons["lunge/gone__1"]
    assert "there is no video in it" in reasons["lunge/sound__1"]
    assert "another exercise (squat)" in reasons["lunge/twice__1"]
    assert str(zoo) not in str(rows)
    for folder, suffix in (("resized", ".mp4"), ("frames", ".zip"), ("landmarks", ".npz")):
        files = [path for path in (zoo / "data" / folder).rglob(f"*{suffix}") if path.is_file()]
        assert len(files) == len(NAMES) + 3


@pytest.mark.slow
def test_what_is_no_file_too_large_or_forbidden_is_set_aside(project: Path, make_clip) -> None:
    edit_params(project, {"bad_clips": "skip"})
    folder = project / "data/videos/squat"
    folder.mkdir(parents=True)
    for name in ("good", "forbidden"):
        (folder / f"{name}__1.mp4").write_bytes(make_clip(*SMALL))
    (folder / "forbidden__1.mp4").chmod(0)
    os.mkfifo(folder / "pipe__1.mp4")
    with (folder / "huge__1.mp4").open("wb") as file:
        file.truncate(2**40)  # it takes no room
    stage = (sys.executable, "-m", "stages.resize", "data/videos", "data/resized")
    done = run(project, *WITHOUT_ROOTS_RIGHTS, *stage)
    assert done.returncode == 0, done.stderr
    assert "resize: 1 clips" in done.stdout
    assert [(row["clip"], row["reason"].split(";")[0]) for row in table(project / "data/resized/.rejected.csv")] == [
        ("squat/forbidden__1", "cannot be read (Permission denied)"),
        ("squat/huge__1", "is larger than 4 GiB"),
        ("squat/pipe__1", "is no file"),
    ]


def test_a_stage_of_nothing_but_bad_clips_fails_also_when_skipping(project: Path) -> None:
    edit_params(project, {"bad_clips": "skip"})
    (project / "data/videos/squat").mkdir(parents=True)
    (project / "data/videos/squat/a__1.mp4").write_text("no film")
    done = run_stage(project, "resize", "data/videos", "data/resized")
    assert done.returncode == 1
    assert "1 of 1 clips failed" in done.stderr


def test_bad_frames_fail_the_landmarks_stage_and_the_others_are_kept(
    project: Path, drawn: Path, networks_folder: Path
) -> None:
    frames = project / "frames/squat"
    frames.mkdir(parents=True)
    for number in (1, 2, 3):
        clip = (drawn / f"videos/squat/person0{number}__1.mp4").read_bytes()
        (frames / f"p{number}__1.zip").write_bytes(extract_frames(clip, 5, 90))
    (frames / "p4__1.zip").write_bytes(b"rubbish")
    arguments = ("frames", str(networks_folder), "landmarks", "metrics")
    failed = run_stage(project, "landmarks", *arguments)
    assert failed.returncode == 1
    assert "1 of 4 clips failed" in failed.stderr
    assert "p4__1.zip" in failed.stderr
    assert "Traceback" not in failed.stderr
    (frames / "p4__1.zip").unlink()
    assert run_stage(project, "landmarks", *arguments).stdout.splitlines() == [
        "landmarks: 3 clips, 0 of them new",
        "landmarks: a person is found in 100.0% of the frames; 0 clips set aside in all",
    ]
