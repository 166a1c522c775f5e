"""Clips of all kinds that people have are read as they are shown."""

import re
import threading
from functools import partial
from pathlib import Path

import pytest

from fitness_tracker.video.ffmpeg import ClipError, clock_note, ffmpeg_command, note_of, read_frames, resize_video
from fitness_tracker.video.frames import extract_frames
from tests.drawing.examples import saved
from tests.video.joined import joined
from tests.video.spoilt import SMALL


def frames_of(clip: bytes, fps: float = 10) -> int:
    return len(list(read_frames(resize_video(clip, "pad"), fps, "pad")))


def remade(make_clip, tmp_path: Path, *options: str) -> bytes:
    """A small clip, made anew with other options."""
    plain = tmp_path / "plain.mp4"
    plain.write_bytes(make_clip(*SMALL))
    return make_clip("-i", str(plain), *options)


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
def test_odd_sizes_rates_and_lengths_are_done(make_clip, source: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", source, "-c:v", "mpeg4", suffix=".avi")
    seconds = float(source.rsplit("=", 1)[1])
    assert frames_of(clip) == pytest.approx(seconds * 10, abs=1)


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
def test_other_coders_and_clocks_are_done(make_clip, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert 10 <= frames_of(remade(make_clip, tmp_path, *options)) <= 13


@pytest.mark.slow
def test_a_4k_clip_of_10_bits_is_done_within_the_limits(make_clip) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=size=3840x2160:rate=30:duration=0.1")
    clip = make_clip(
        *source, "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"
    )
    assert frames_of(clip) == 1


def test_a_jump_of_the_clock_is_no_frozen_film(make_clip, tmp_path: Path) -> None:
    jumps = remade(make_clip, tmp_path, "-vf", "setpts='if(lt(N,15),PTS,PTS+3600/TB)'", "-fps_mode", "vfr")
    lines: list[str] = []
    assert frames_of(jumps) <= 10 + 2 * 10
    assert len(list(read_frames(jumps, 10, "pad", tell=lines.append))) <= 10 + 2 * 10
    note = "its clock jumps ahead by 1.0 h at 0 s; shortened to 2 s, as are all gaps of more than 10 minutes"
    assert lines == [note] == [note_of(resize_video(jumps, "pad"))] == [note_of(extract_frames(jumps, 10, 90))]


def test_what_is_stored_without_frames_while_nothing_moves_takes_its_time(make_clip, tmp_path: Path) -> None:
    """A rest of 20 s became one of 2 s."""
    still = remade(make_clip, tmp_path, "-vf", "setpts='if(lt(N,15),PTS,PTS+20/TB)'", "-fps_mode", "vfr")
    assert frames_of(still) == pytest.approx(10 * 21, abs=1)
    assert len(list(read_frames(still, 10, "pad"))) == pytest.approx(10 * 21, abs=1)


def test_clock_notes_tell_the_first_jump_and_how_many_there_are() -> None:
    lines = "".join(f"[Eval @ 0x7f8a] {number}\n" for number in ("31400.5", "-12000.0", "31400.5", "7200000.0"))
    assert clock_note(lines) == "its clock jumps back by 12 s at 31 s (jump 1 of 2); the film goes on from there"
    assert clock_note("[h264 @ 0x7f8a] error while decoding\n") == ""


@pytest.mark.parametrize("disposition", ["attached_pic", "0"], ids=["cover", "preview"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_picture_in_front_of_the_film_is_not_the_film(
    make_clip, tmp_path: Path, disposition: str, suffix: str
) -> None:
    """The first stream was taken: a cover picture, or a small preview of a second."""
    film, small = tmp_path / "film.mp4", tmp_path / "small.mp4"
    film.write_bytes(make_clip(*SMALL))
    small.write_bytes(make_clip("-f", "lavfi", "-i", "color=red:size=64x48:rate=10:duration=0.1"))
    clip = make_clip(
        "-i", str(small), "-i", str(film), "-map", "0:v", "-map", "1:v", "-c:v:0", "mjpeg", "-c:v:1", "copy",
        "-disposition:v:0", disposition, suffix=suffix,
    )  # fmt: skip
    assert frames_of(clip) == 10
    assert len(list(read_frames(clip, 10, "pad"))) == 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_with_a_cover_picture_is_no_film(make_clip, tmp_path: Path, suffix: str) -> None:
    """It was read as a clip of one picture."""
    cover = saved(tmp_path, make_clip("-f", "lavfi", "-i", "color=red", "-frames:v", "1", suffix=".jpg"), "cover.jpg")
    attached = {
        ".mp4": ("-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic"),
        ".mkv": ("-attach", str(cover), "-metadata:s:t", "mimetype=image/jpeg"),
    }
    sound = make_clip("-f", "lavfi", "-i", "sine=duration=2", *attached[suffix], suffix=suffix)
    for read in (partial(resize_video, fit="pad"), lambda clip: list(read_frames(clip, 10, "pad"))):
        with pytest.raises(ClipError, match="holds no film, only a cover picture"):
            read(sound)


def test_a_film_of_one_picture_is_one(make_clip) -> None:
    assert frames_of(make_clip("-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1")) == 1


def test_a_clock_that_jumps_back_loses_no_film(make_clip) -> None:
    source = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=4")
    clip = bytearray(make_clip(*source, "-c:v", "mjpeg", "-cluster_time_limit", "500", suffix=".mkv"))
    # of clusters, in milliseconds; two bytes each
    times = [found.end() for found in re.finditer(rb"\x1f\x43\xb6\x75.{1,8}?\xe7\x82", clip, re.DOTALL)]
    half = [place for place in times if int.from_bytes(clip[place : place + 2], "big") > 1900]
    assert half
    first = int.from_bytes(clip[half[0] : half[0] + 2], "big")
    for place in half:
        clip[place : place + 2] = (int.from_bytes(clip[place : place + 2], "big") - first).to_bytes(2, "big")
    lines: list[str] = []
    assert frames_of(bytes(clip)) == pytest.approx(40, abs=1)
    assert len(list(read_frames(bytes(clip), 10, "pad", tell=lines.append))) == pytest.approx(40, abs=1)
    assert lines == ["its clock jumps back by 2 s at 2 s; the film goes on from there"]


def test_a_header_that_claims_ten_hours_costs_nothing(make_clip) -> None:
    clip = bytearray(make_clip(*SMALL))
    place = clip.index(b"mvhd") + 4 + 16
    clip[place : place + 4] = (10 * 3600 * 1000).to_bytes(4, "big")
    assert frames_of(bytes(clip)) == 10


@pytest.mark.slow
def test_clips_are_worked_on_side_by_side(make_clip) -> None:
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


def test_a_clip_that_changes_its_size_keeps_its_time(make_clip, tmp_path: Path) -> None:
    """Each change moved what followed by two frames."""
    sizes = ["64x48", "48x64", "96x48"] * 4
    parts = [("-f", "lavfi", "-i", f"testsrc=size={size}:rate=30:duration=0.5", "-c:v", "libvpx") for size in sizes]
    clip = joined(make_clip, tmp_path, ".webm", *parts)
    frames = list(read_frames(clip, 10, "pad"))
    assert len(frames) == 60 == frames_of(clip.read_bytes())
    upright = [frame[:, :100].max() < 20 for frame in frames]
    for number in range(60):
        if number % 5 not in (0, 4):  # next to a change
            assert upright[number] == (sizes[number // 5] == "48x64"), number
