"""Clips that are spoilt or made to harm end within the limits, with a reason, and leave nothing."""

import contextlib
import os
import socket
import tempfile
from functools import partial
from pathlib import Path

import pytest

from fitness_tracker.core.params import Limits
from fitness_tracker.video.ffmpeg import ClipError, MachineError, read_frames, resize_video
from tests.projects import REAL_CLIPS, processes_of
from tests.video.spoilt import HEAVY, SMALL, TINY, mutations

TORTURE = int(os.environ.get("TORTURE", "30"))


def test_more_pixels_than_the_limit_are_told(make_clip) -> None:
    with pytest.raises(ClipError, match=r"limits\.pixels"):
        resize_video(make_clip(*SMALL), "pad", Limits(pixels=10_000))
    with pytest.raises(ClipError, match=r"limits\.pixels"):
        list(read_frames(make_clip(*SMALL), 10, "pad", Limits(pixels=10_000)))


def test_a_header_that_claims_a_huge_picture_is_told_at_once(make_clip) -> None:
    clip = bytearray(make_clip(*SMALL, "-c:v", "mjpeg", suffix=".avi"))
    header = clip.index(b"\xff\xc0") + 5  # of every JPEG in it: height and width
    while header > 4:
        clip[header : header + 4] = (30_000).to_bytes(2, "big") * 2
        header = clip.find(b"\xff\xc0", header) + 5
    with pytest.raises(ClipError, match=r"does not decode \((?!it takes more than limits\.cpu_seconds)"):
        resize_video(bytes(clip), "pad", Limits(cpu_seconds=5))


@pytest.mark.slow
def test_a_longer_film_than_the_limit_is_told(make_clip) -> None:
    long = make_clip("-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=5")
    for read in (partial(resize_video, fit="pad"), lambda clip, limits: list(read_frames(clip, 10, "pad", limits))):
        assert read(long, limits=Limits(seconds=5))
        with pytest.raises(ClipError, match=r"longer than limits\.seconds, 4"):
            read(long, limits=Limits(seconds=4))


@pytest.mark.slow
def test_what_takes_too_long_is_ended(make_clip) -> None:
    with pytest.raises(ClipError, match=r"more than limits\.cpu_seconds, 1"):
        resize_video(make_clip(*HEAVY), "pad", Limits(cpu_seconds=1))


@pytest.mark.slow
def test_what_needs_too_much_memory_is_ended(make_clip) -> None:
    large = make_clip("-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=30:duration=0.5", "-preset", "ultrafast")
    for _ in range(4):  # now and then it is a thread that finds no room, which might be the machine's fault
        with contextlib.suppress(MachineError):
            with pytest.raises(ClipError, match=r"more than limits\.memory"):
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
def test_a_playlist_opens_no_file_and_no_network(make_clip, tmp_path: Path, playlist: str) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "numbers",
    [range(0, 500, 17), pytest.param(range(20 * TORTURE), marks=pytest.mark.torture)],
    ids=["some", "torture"],
)
def test_spoilt_clips_harm_nothing(make_clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: range) -> None:
    """Each is done, or a `ClipError` and nothing else, within the limits; no process stays, and no file."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    seeds = [make_clip(*TINY, suffix=suffix) for suffix in (".mp4", ".mkv")]
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
