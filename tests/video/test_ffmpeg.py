import subprocess
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.core.errors import UserError
from fitness_tracker.video import ffmpeg
from fitness_tracker.video.ffmpeg import ClipError, read_frames, resize_video

RED = ("-f", "lavfi", "-i", "color=red:size={}:rate=25:duration=0.4")


def red(size: str) -> tuple[str, ...]:
    return (*RED[:3], RED[3].format(size))


def redness(frame: np.ndarray) -> np.ndarray:
    """(H, W) bool: where the frame (H, W, 3) uint8 RGB is red."""
    return (frame[..., 0] > 180) & (frame[..., 1] < 70)


def described(clip: bytes, tmp_path: Path) -> str:
    path = tmp_path / "described.mp4"
    path.write_bytes(clip)
    return subprocess.run([get_ffmpeg_exe(), "-i", str(path)], capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    ("size", "fit", "share"),
    [
        ("640x480", "pad", 1.0),
        ("640x360", "pad", 0.75),
        ("480x640", "pad", 360 / 640),
        ("640x360", "stretch", 1.0),
        ("480x640", "crop", 1.0),
    ],
)
def test_the_fit_decides_how_much_of_the_frame_is_filled(make_clip, size: str, fit: str, share: float) -> None:
    frame = next(read_frames(resize_video(make_clip(*red(size)), fit), 10, "pad"))
    assert frame.shape == (480, 640, 3)
    assert frame.dtype == np.uint8
    assert redness(frame).mean() == pytest.approx(share, abs=0.02)


def test_padding_is_the_same_on_both_sides(make_clip) -> None:
    columns = redness(next(read_frames(resize_video(make_clip(*red("480x640")), "pad"), 10, "pad"))).any(axis=0)
    left, right = columns.argmax(), columns[::-1].argmax()
    assert left == pytest.approx(140, abs=2)
    assert right == pytest.approx(140, abs=2)


def test_frames_of_a_clip_are_the_same_with_and_without_resizing_first(make_clip) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=400x600:rate=30:duration=1")
    straight, resized = list(read_frames(clip, 10, "pad")), list(read_frames(resize_video(clip, "pad"), 10, "pad"))
    assert len(straight) == len(resized) == 10
    for one, other in zip(straight, resized, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 6


def test_pixels_that_are_not_square_are_shown_in_their_shape(make_clip) -> None:
    wide = make_clip("-f", "lavfi", "-i", "color=red:size=320x480:rate=25:duration=0.4,setsar=2")
    assert redness(next(read_frames(wide, 10, "pad"))).mean() == pytest.approx(1.0, abs=0.01)


def test_the_sound_goes_and_the_frame_rate_stays(make_clip, tmp_path: Path) -> None:
    loud = make_clip(
        "-f", "lavfi", "-i", "testsrc=size=320x240:rate=24:duration=1", "-f", "lavfi", "-i", "sine=duration=1"
    )  # fmt: skip
    assert "Audio" in described(loud, tmp_path)
    text = described(resize_video(loud, "pad"), tmp_path)
    assert "Audio" not in text
    assert "24 fps" in text
    assert "640x480" in text


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".mkv", ".webm"])
def test_every_container_is_read(make_clip, suffix: str) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=0.5", suffix=suffix)
    assert len(list(read_frames(resize_video(clip, "pad"), 10, "pad"))) == 5


@pytest.mark.parametrize(("seconds", "fps", "frames"), [(1.0, 10, 10), (1.0, 5, 5), (0.2, 10, 2), (1 / 30, 10, 1)])
def test_frames_come_at_the_asked_rate_and_never_none(make_clip, seconds: float, fps: float, frames: int) -> None:
    clip = make_clip("-f", "lavfi", "-i", f"testsrc=size=160x120:rate=30:duration={seconds}")
    assert len(list(read_frames(clip, fps, "pad"))) == frames


def test_reading_may_be_broken_off(make_clip) -> None:
    frames = read_frames(make_clip("-f", "lavfi", "-i", "testsrc=size=640x480:rate=30:duration=5"), 30, "pad")
    assert next(frames).any()
    frames.close()


@pytest.mark.parametrize("content", [b"", b"squat", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", b"\0\0\0\x18ftypmp42"])
def test_what_is_no_video_is_told(content: bytes) -> None:
    with pytest.raises(ClipError, match="does not decode"):
        resize_video(content, "pad")
    with pytest.raises(ClipError, match="does not decode"):
        list(read_frames(content, 10, "pad"))


def test_a_clip_that_was_cut_off_is_told(make_clip) -> None:
    clip = make_clip()
    with pytest.raises(ClipError, match="cut off"):
        resize_video(clip[: len(clip) // 2], "pad")


def test_sound_alone_is_told(make_clip) -> None:
    sound = make_clip("-f", "lavfi", "-i", "sine=duration=1", suffix=".m4a")
    with pytest.raises(ClipError, match="no video"):
        resize_video(sound, "pad")


def test_a_clip_that_decodes_only_in_part_is_told(make_clip) -> None:
    clip = bytearray(make_clip("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=3", suffix=".mkv"))
    for place in range(len(clip) // 3, len(clip), 300):
        clip[place] ^= 255
    with pytest.raises(ClipError, match=r"only in part|does not decode"):
        resize_video(bytes(clip), "pad")


@pytest.mark.parametrize(("turn", "middle"), [(90, (420, 320)), (180, (240, 500)), (-90, (60, 320))])
def test_a_turned_clip_is_turned_the_right_way(make_clip, tmp_path: Path, turn: int, middle: tuple[int, int]) -> None:
    """A red bar on the left; turned a quarter counter-clockwise for showing, it lies at the bottom."""
    plain = tmp_path / "plain.mp4"
    bar = "color=black:size=480x480:rate=10:duration=0.4,drawbox=x=0:y=0:w=120:h=480:color=red:t=fill"
    plain.write_bytes(make_clip("-f", "lavfi", "-i", bar))
    turned = make_clip("-display_rotation", str(turn), "-i", str(plain), "-c", "copy")
    for clip in (turned, resize_video(turned, "pad")):
        place = np.argwhere(redness(next(read_frames(clip, 10, "pad")))).mean(axis=0)
        assert place == pytest.approx(middle, abs=4)


def test_an_ffmpeg_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "ffmpeg_command", lambda: ["/bin/false"])
    ffmpeg.ffmpeg_version.cache_clear()
    with pytest.raises(UserError, match="/bin/false: does not run"):
        ffmpeg.ffmpeg_version()
