"""Clips of all kinds that people have: each is done, or set aside with a reason, and none stops or harms the others."""

import contextlib
import csv
import itertools
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from fitness_tracker.core.params import Limits
from fitness_tracker.video.ffmpeg import ClipError, MachineError, ffmpeg_command, read_frames, resize_video
from tests.conftest import REAL_CLIPS, WITHOUT_ROOTS_RIGHTS, edit_params, processes_of, run

SMALL = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=1")
Make = Callable[..., bytes]


def frames_of(clip: bytes, fps: float = 10) -> int:
    return len(list(read_frames(resize_video(clip, "pad"), fps, "pad")))


def remade(make_clip: Make, tmp_path: Path, *options: str, before: tuple[str, ...] = ()) -> bytes:
    """A small clip, made anew with other options for reading it and for writing it."""
    plain = tmp_path / "plain.mp4"
    plain.write_bytes(make_clip(*SMALL))
    return make_clip(*before, "-i", str(plain), *options)


@pytest.mark.parametrize(
    "source",
    [
        "testsrc=size=320x240:rate=30:duration=0.2",
        "testsrc=size=321x241:rate=30:duration=1",
        "testsrc=size=6x4:rate=30:duration=1",
        "testsrc=size=320x240:rate=1:duration=3",
        "testsrc=size=320x240:rate=120:duration=1",
        "testsrc=size=2000x20:rate=30:duration=1",
    ],
)
def test_odd_sizes_rates_and_lengths_are_done(make_clip: Make, source: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", source, "-c:v", "mpeg4", suffix=".avi")
    seconds = float(source.rsplit("=", 1)[1])
    assert frames_of(clip) == pytest.approx(seconds * 10, abs=1)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_clips_are_done(make_clip: Make, tmp_path: Path, turn: int) -> None:
    assert frames_of(remade(make_clip, tmp_path, "-c", "copy", before=("-display_rotation", str(turn)))) == 10


@pytest.mark.parametrize(
    "options",
    [
        ("-vf", "setpts='if(lt(N,15),PTS,PTS*1.3)'", "-fps_mode", "vfr"),
        ("-vf", "interlace", "-flags", "+ildct+ilme", "-c:v", "mpeg2video", "-r", "25", "-f", "matroska"),
        ("-c", "copy", "-output_ts_offset", "-3", "-avoid_negative_ts", "disabled", "-f", "matroska"),
        ("-c", "copy", "-output_ts_offset", "3600"),
        ("-pix_fmt", "yuv444p"),
        ("-pix_fmt", "gray"),
        ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"),
        ("-c:v", "libvpx-vp9", "-f", "webm"),
    ],
    ids=["variable rate", "interlaced", "negative times", "late times", "4:4:4", "grey", "10 bit HEVC", "VP9"],
)
def test_other_coders_and_clocks_are_done(make_clip: Make, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert 10 <= frames_of(remade(make_clip, tmp_path, *options)) <= 13


@pytest.mark.slow
def test_a_4k_clip_of_10_bits_is_done_within_the_limits(make_clip: Make) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=30:duration=0.1")
    clip = make_clip(
        *source, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"
    )
    assert frames_of(clip) == 1


def test_a_jump_of_the_clock_is_no_frozen_film(make_clip: Make, tmp_path: Path) -> None:
    jumps = remade(make_clip, tmp_path, "-vf", "setpts='if(lt(N,15),PTS,PTS+3600/TB)'", "-fps_mode", "vfr")
    assert frames_of(jumps) <= 10 + 2 * 10
    assert len(list(read_frames(jumps, 10, "pad"))) <= 10 + 2 * 10


def test_a_clock_that_jumps_back_loses_no_film(make_clip: Make) -> None:
    clip = bytearray(make_clip(*SMALL, "-c:v", "mjpeg", "-cluster_time_limit", "500", suffix=".mkv"))
    times = [found.end() for found in re.finditer(rb"\xe7\x82", clip)]  # of clusters, in milliseconds; two bytes each
    half = [place for place in times if int.from_bytes(clip[place : place + 2], "big") > 400]
    assert half
    first = int.from_bytes(clip[half[0] : half[0] + 2], "big")
    for place in half:
        clip[place : place + 2] = (int.from_bytes(clip[place : place + 2], "big") - first).to_bytes(2, "big")
    assert frames_of(bytes(clip)) == pytest.approx(10, abs=1)
    assert len(list(read_frames(bytes(clip), 10, "pad"))) == pytest.approx(10, abs=1)


def test_a_header_that_claims_ten_hours_costs_nothing(make_clip: Make) -> None:
    clip = bytearray(make_clip(*SMALL))
    place = clip.index(b"mvhd") + 4 + 16
    clip[place : place + 4] = (10 * 3600 * 1000).to_bytes(4, "big")
    assert frames_of(bytes(clip)) == 10


def test_more_pixels_than_the_limit_are_told(make_clip: Make) -> None:
    with pytest.raises(ClipError, match=r"limits\.pixels"):
        resize_video(make_clip(*SMALL), "pad", Limits(pixels=10_000))
    with pytest.raises(ClipError, match=r"limits\.pixels"):
        list(read_frames(make_clip(*SMALL), 10, "pad", Limits(pixels=10_000)))


def test_a_header_that_claims_a_huge_picture_is_told_at_once(make_clip: Make) -> None:
    clip = bytearray(make_clip(*SMALL, "-c:v", "mjpeg", suffix=".avi"))
    header = clip.index(b"\xff\xc0") + 5  # of every JPEG in it: height and width
    while header > 4:
        clip[header : header + 4] = (30_000).to_bytes(2, "big") * 2
        header = clip.find(b"\xff\xc0", header) + 5
    with pytest.raises(ClipError, match=r"does not decode \((?!it takes more than limits\.cpu_seconds)"):
        resize_video(bytes(clip), "pad", Limits(cpu_seconds=5))


def test_a_longer_film_than_the_limit_is_told(make_clip: Make) -> None:
    long = make_clip("-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=5")
    for read in (partial(resize_video, fit="pad"), lambda clip, limits: list(read_frames(clip, 10, "pad", limits))):
        assert read(long, limits=Limits(seconds=5))
        with pytest.raises(ClipError, match=r"longer than limits\.seconds, 4"):
            read(long, limits=Limits(seconds=4))


@pytest.fixture(scope="module")
def heavy(make_clip: Make) -> bytes:
    """It takes some seconds to resize."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=8", "-preset", "ultrafast")


def test_what_takes_too_long_is_ended(heavy: bytes) -> None:
    with pytest.raises(ClipError, match=r"more than limits\.cpu_seconds, 1"):
        resize_video(heavy, "pad", Limits(cpu_seconds=1))


def test_what_needs_too_much_memory_is_ended(make_clip: Make) -> None:
    large = make_clip("-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=30:duration=0.5", "-preset", "ultrafast")
    for _ in range(4):  # now and then it is a thread that finds no room, which might be the machine's fault
        with contextlib.suppress(MachineError):
            with pytest.raises(ClipError, match=r"more than limits\.memory_bytes"):
                resize_video(large, "pad", Limits(memory_bytes=2**28))
            return
    pytest.fail("the machine was blamed four times")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXTINF:1,\n{canary}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {canary}\n",
        "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>",
    ],
    ids=["HLS file", "HLS network", "concat file", "concat network", "DASH network"],
)
def test_a_playlist_opens_no_file_and_no_network(make_clip: Make, tmp_path: Path, playlist: str) -> None:
    canary = tmp_path / "canary.mp4"
    canary.write_bytes(make_clip(*SMALL))
    read_before = canary.stat().st_atime_ns
    os.utime(canary, ns=(0, canary.stat().st_mtime_ns))
    with socket.create_server(("127.0.0.1", 0)) as ear:
        ear.settimeout(0.2)
        text = playlist.format(canary=canary, port=ear.getsockname()[1]).encode()
        for read in (partial(resize_video, fit="pad"), lambda clip: list(read_frames(clip, 10, "pad"))):
            with pytest.raises(ClipError):
                read(text)
        with pytest.raises(TimeoutError):
            ear.accept()
    assert read_before > 0
    assert canary.stat().st_atime_ns == 0


def mutations(clip: bytes, number: int) -> bytes:
    """One of many ways to spoil a clip, by its number."""
    rng = np.random.default_rng(number)
    spoilt = bytearray(clip)
    way = number // 50 % 5
    if way == 0:  # bits flipped
        for place in rng.integers(0, len(spoilt), rng.integers(1, 50)):
            spoilt[place] ^= 1 << int(rng.integers(8))
    elif way == 1:  # cut
        spoilt = spoilt[: int(rng.integers(0, len(spoilt)))]
    elif way == 2:  # parts in another order
        cuts = sorted({0, len(spoilt), *rng.integers(0, len(spoilt), 4).tolist()})
        parts = [spoilt[one:other] for one, other in itertools.pairwise(cuts)]
        spoilt = bytearray().join(parts[place] for place in rng.permutation(len(parts)))
    elif way == 3:  # a box that lies about its length, or its numbers
        names = (b"moov", b"trak", b"mdia", b"stbl", b"stsz", b"stco", b"stts", b"stsd", b"mdat", b"avc1", b"tkhd")
        place = spoilt.find(names[int(rng.integers(len(names)))])
        place += int(rng.choice([-4, 4, 8, 12, 16, 20, 24, 28])) if place >= 4 else 10
        spoilt[place : place + 4] = rng.bytes(4)
    else:  # a stretch of noise
        place = int(rng.integers(0, len(spoilt)))
        noise = rng.bytes(int(rng.integers(1, 200)))
        spoilt[place : place + len(noise)] = noise
    return bytes(spoilt)


TORTURE = int(os.environ.get("TORTURE", "30"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "numbers",
    [range(0, 500, 17), pytest.param(range(20 * TORTURE), marks=pytest.mark.torture)],
    ids=["some", "torture"],
)
def test_spoilt_clips_harm_nothing(
    make_clip: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: range
) -> None:
    """Each is done, or a `ClipError` and nothing else, within the limits; no process stays, and no file."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    source = "testsrc2=size=96x64:rate=15:duration=0.6"
    seeds = [make_clip("-f", "lavfi", "-i", source, suffix=suffix) for suffix in (".mp4", ".mkv")]
    if len(numbers) > 100:
        real = sorted(REAL_CLIPS.glob("*/*.mp4"), key=lambda path: path.stat().st_size)[:8]
        seeds += [path.read_bytes() for path in real]
    limits = Limits(cpu_seconds=10, seconds=60, memory_bytes=2**30)
    done, bad = 0, 0
    for number in numbers:
        try:
            resized = resize_video(mutations(seeds[number % len(seeds)], number), "pad", limits)
            assert list(read_frames(resized, 5, "pad", limits))
            done += 1
        except ClipError:
            bad += 1
    assert done >= len(numbers) / 100
    assert bad > len(numbers) / 5
    assert processes_of(place) == []
    assert list(place.iterdir()) == []


@pytest.mark.slow
def test_a_stage_of_spoilt_clips_ends_with_each_done_or_set_aside(project: Path, make_clip: Make) -> None:
    edit_params(project, {"bad_clips": "skip"})
    folder = project / "data/videos/squat"
    folder.mkdir(parents=True)
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=15:duration=0.6")
    for number in range(0, 500, 20):
        (folder / f"{number}__1.mp4").write_bytes(mutations(clip, number))
    (project / "tmp").mkdir()
    here = {"TMPDIR": str(project / "tmp")}
    for stage, source in (("resize", "data/videos"), ("extract", "data/resized")):
        out = "data/resized" if stage == "resize" else "data/frames"
        done = run(project, sys.executable, "-m", f"stages.{stage}", source, out, **here)
        assert done.returncode == 0, done.stderr
    good = len(list((project / "data/frames").rglob("*.zip")))
    with (project / "data/frames/.rejected.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 25 - good
    assert 2 < good < 23
    assert processes_of(project / "tmp") == []
    assert list((project / "tmp").iterdir()) == []


def test_no_ffmpeg_survives_a_killed_stage(project: Path, heavy: bytes) -> None:
    folder, temporary = project / "data/videos/squat", project / "tmp"
    folder.mkdir(parents=True)
    temporary.mkdir()
    (folder / "a__1.mp4").write_bytes(heavy)
    env = os.environ | {"PYTHONPATH": str(project / "src"), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "stages.resize", "data/videos", "data/resized"]
    stage = subprocess.Popen(command, cwd=project, env=env)
    while not any("ffmpeg" in process.name() for process in processes_of(temporary)):
        assert stage.poll() is None
        time.sleep(0.02)
    stage.kill()
    stage.wait()
    assert psutil.wait_procs(processes_of(temporary), timeout=10)[1] == []
    assert not (project / "data/resized").exists()


NAMES = (
    "plain", "two words", "it's \"quoted\"", "line\nbreak", "\U0001f3cb lift", "x" * 190, "-dash", "UPPER",
    "semi;colon&$(id)",
)  # fmt: skip


@pytest.fixture
def zoo(project: Path, make_clip: Make) -> Path:
    """A project with clips of all names and many faults."""
    squat, lunge = project / "data/videos/squat", project / "data/videos/lunge"
    squat.mkdir(parents=True)
    lunge.mkdir()
    for number, name in enumerate(NAMES):
        source = f"testsrc=size=160x120:rate=10:duration={1 + number / 10}"
        (squat / f"{name}__1{'.MP4' if name == 'UPPER' else '.mp4'}").write_bytes(
            make_clip("-f", "lavfi", "-i", source)
        )
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


BAD = [
    "lunge/empty__1", "lunge/gone__1", "lunge/half__1", "lunge/sound__1", "lunge/text__1", "lunge/twice__1",
    "squat/twice__1",
]  # fmt: skip


def test_bad_clips_fail_the_stage_with_the_whole_list_and_the_others_are_kept(zoo: Path) -> None:
    command = (sys.executable, "-m", "stages.resize", "data/videos", "data/resized")
    failed = run(zoo, *command)
    assert failed.returncode == 1
    assert f"{len(BAD)} of {len(NAMES) + 10} clips failed" in failed.stderr
    assert "Traceback" not in failed.stderr
    for name in BAD:
        assert f"data/videos/{name}.mp4: " in failed.stderr
    assert not (zoo / "data/resized").exists()
    for name in BAD:
        (zoo / f"data/videos/{name}.mp4").unlink()
    again = run(zoo, *command)
    assert again.stdout == f"resize: {len(NAMES) + 3} clips, 0 of them new\n"


@pytest.mark.slow
def test_bad_clips_may_be_skipped_and_are_listed_with_their_reasons(zoo: Path, networks_folder: Path) -> None:
    edit_params(zoo, {"bad_clips": "skip", "extract.fps": 2})
    for stage, arguments in (
        ("resize", ("data/videos", "data/resized")),
        ("extract", ("data/resized", "data/frames")),
        ("landmarks", ("data/frames", str(networks_folder), "data/landmarks", "metrics")),
    ):
        done = run(zoo, sys.executable, "-m", f"stages.{stage}", *arguments)
        assert done.returncode == 0, done.stderr
    with (zoo / "metrics/rejected.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
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


def test_what_is_no_file_too_large_or_forbidden_is_set_aside(project: Path, make_clip: Make) -> None:
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
    with (project / "data/resized/.rejected.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["clip"], row["reason"].split(";")[0]) for row in csv.DictReader(file)] == [
            ("squat/forbidden__1", "cannot be read (Permission denied)"),
            ("squat/huge__1", "is larger than 4 GiB"),
            ("squat/pipe__1", "is no file"),
        ]


def test_a_stage_of_nothing_but_bad_clips_fails_also_when_skipping(project: Path) -> None:
    edit_params(project, {"bad_clips": "skip"})
    (project / "data/videos/squat").mkdir(parents=True)
    (project / "data/videos/squat/a__1.mp4").write_text("no film")
    done = run(project, sys.executable, "-m", "stages.resize", "data/videos", "data/resized")
    assert done.returncode == 1
    assert "1 of 1 clips failed" in done.stderr


def test_clips_are_worked_on_side_by_side(make_clip: Make) -> None:
    """Processes of several threads do not hold one another's pipes open."""
    clip = make_clip(*SMALL)
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(resize_video(clip, "pad"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == 6
    assert len(set(results)) == 1


def test_ffmpeg_is_the_one_that_moviepy_brings() -> None:
    from moviepy.config import FFMPEG_BINARY

    assert ffmpeg_command()[0] == FFMPEG_BINARY
