"""What cameras, phones and editors wrote in the last thirty years is read, in its colours."""

from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.video.ffmpeg import read_frames
from tests.drawing.examples import saved

PICTURE = "testsrc2=size=352x288:rate=25:duration=0.4"
OPTIONS = {"libx265": ("-x265-params", "log-level=none"), "vc2": ("-b:v", "600M")}

CODERS = [
    ("libx264", "yuv420p", ".mp4"), ("libx264", "yuv420p10le", ".mp4"), ("libx264", "yuvj420p", ".mov"),
    ("libx265", "yuv420p", ".mp4"), ("libx265", "yuv422p10le", ".mkv"), ("libx265", "yuv420p12le", ".mp4"),
    ("libvpx", "yuv420p", ".webm"), ("libvpx-vp9", "yuv420p10le", ".webm"), ("libsvtav1", "yuv420p10le", ".mp4"),
    ("libopenh264", "yuv420p", ".mp4"), ("mpeg1video", "yuv420p", ".mkv"), ("mpeg2video", "yuv420p", ".mkv"),
    ("mpeg4", "yuv420p", ".3gp"), ("h263", "yuv420p", ".3gp"), ("libxvid", "yuv420p", ".avi"),
    ("msmpeg4v2", "yuv420p", ".avi"), ("msmpeg4", "yuv420p", ".avi"), ("wmv1", "yuv420p", ".avi"),
    ("wmv2", "yuv420p", ".mkv"), ("flv", "yuv420p", ".mkv"), ("mjpeg", "yuvj420p", ".avi"),
    ("mjpeg", "yuvj422p", ".mov"), ("prores_ks", "yuv422p10le", ".mov"), ("cfhd", "yuv422p10le", ".mov"),
    ("huffyuv", "yuv422p", ".avi"), ("ffv1", "yuv420p10le", ".mkv"), ("utvideo", "yuv420p", ".avi"),
    ("qtrle", "rgb24", ".mov"), ("libtheora", "yuv420p", ".mkv"), ("rawvideo", "yuv420p", ".avi"),
    ("v210", "yuv422p10le", ".mov"), ("vc2", "yuv422p10le", ".mkv"),
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(make_clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip without loss."""
    clip = make_clip("-f", "lavfi", "-i", f"{PICTURE},format=yuv420p", "-c:v", "ffv1", suffix=".mkv")
    return saved(tmp_path_factory.mktemp("plain"), clip, "plain.mkv")


@pytest.fixture(scope="module")
def shown(plain: Path) -> list[np.ndarray]:
    return list(read_frames(plain, 10, "pad"))


@pytest.mark.parametrize(("coder", "pixels", "suffix"), CODERS)
def test_clips_of_all_coders_are_read(
    make_clip, plain: Path, shown: list[np.ndarray], coder: str, pixels: str, suffix: str
) -> None:
    options = ("-c:v", coder, "-pix_fmt", pixels, "-b:v", "3M", *OPTIONS.get(coder, ()))
    frames = list(read_frames(make_clip("-i", str(plain), *options, suffix=suffix), 10, "pad"))
    assert len(frames) == len(shown) == 4
    for frame, plain_frame in zip(frames, shown, strict=True):
        assert np.abs(frame.astype(int) - plain_frame).mean() < 8


def test_an_edit_list_decides_where_a_clip_begins(make_clip, tmp_path: Path) -> None:
    """Phones cut clips so: what comes before is in the file, for the decoder, but is not shown."""
    source = "color=black:size=64x48:rate=10:duration=3,drawbox=color=red:t=fill:enable='gte(t,1.4)'"
    plain = saved(tmp_path, make_clip("-f", "lavfi", "-i", source, "-g", "100"))
    cut = make_clip("-ss", "1", "-i", str(plain), "-c", "copy")
    assert b"elst" in cut
    red = [frame[240, 320, 0] > 200 for frame in read_frames(cut, 10, "pad")]
    assert red == [False] * 4 + [True] * 16


def test_a_mirrored_clip_is_shown_as_its_file_says(make_clip, tmp_path: Path) -> None:
    bar = "color=black:size=64x48:rate=10:duration=0.2,drawbox=x=0:w=16:color=red:t=fill"
    plain = saved(tmp_path, make_clip("-f", "lavfi", "-i", bar))
    mirrored = make_clip("-display_rotation", "0", "-display_hflip", "-i", str(plain), "-c", "copy")
    columns = np.flatnonzero(next(read_frames(mirrored, 10, "pad"))[240, :, 0] > 128)
    assert (columns.min(), columns.max()) == (pytest.approx(480, abs=8), 639)
