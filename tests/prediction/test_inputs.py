"""What a classifier may be asked about, and what is said of the rest."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.prediction.inputs import check_frame, find_files, read_input


def png_header(width: int, height: int) -> bytes:
    """The begin of a PNG that claims a size."""
    fields = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + fields + struct.pack(">II", zlib.crc32(fields), 9) + b"IDAT"


@pytest.mark.parametrize(
    "frame",
    [np.zeros((480, 640), np.uint8), np.zeros((480, 640, 3)), np.zeros((480, 640, 4), np.uint8), "frame", None,
     np.zeros((0, 640, 3), np.uint8)],
)  # fmt: skip
def test_what_is_no_frame_is_refused(frame: object) -> None:
    with pytest.raises(ValueError, match="frame"):
        check_frame(frame)


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
def test_a_file_that_fails_is_told(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        list(read_input(tmp_path / name, 10, "pad"))


def test_folders_stand_for_the_clips_and_pictures_in_them(tmp_path: Path) -> None:
    for name in ("b/x.mp4", "b/y.PNG", "b/z.txt", "b/.hidden/w.mp4", "a.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_files([tmp_path / "b", tmp_path / "z.txt"]) == [
        tmp_path / "b/x.mp4",
        tmp_path / "b/y.PNG",
        tmp_path / "z.txt",
    ]


def test_a_picture_of_16_bits_is_read_in_its_colours(make_clip, tmp_path: Path) -> None:
    colour = "color=0x4080c0:size=64x48,format=rgb48be"
    (tmp_path / "a.png").write_bytes(make_clip("-f", "lavfi", "-i", colour, "-frames:v", "1", suffix=".png"))
    (frame,) = read_input(tmp_path / "a.png", 10, "pad")
    assert frame[240, 320].tolist() == pytest.approx([0x40, 0x80, 0xC0], abs=2)


@pytest.mark.parametrize(("suffix", "options"), [(".webp", {"lossless": True}), (".png", {}), (".gif", {})])
def test_an_animated_picture_is_read_like_a_clip(tmp_path: Path, suffix: str, options: dict) -> None:
    """Only its first frame was looked at, without a word."""
    pictures = [Image.new("RGB", (64, 48), (60 * number, 0, 0)) for number in range(4)]
    path = tmp_path / f"a{suffix}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[200, 100, 300, 400], **options)
    reds = [int(frame[240, 320, 0]) for frame in read_input(path, 10, "pad")]
    assert len(reds) == 10
    assert reds == pytest.approx([0, 0, 60, 120, 120, 120, 180, 180, 180, 180], abs=8)


def test_an_animated_picture_that_is_too_long_is_refused(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 48), (60 * number, 0, 0)) for number in range(2)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=1500)
    with pytest.raises(UserError, match=r"longer than limits\.seconds, 2"):
        list(read_input(tmp_path / "a.gif", 10, "pad", Limits(seconds=2)))


def test_an_animated_picture_that_is_cut_off_is_told(tmp_path: Path) -> None:
    pictures = [Image.effect_noise((64, 48), 90).convert("RGB") for _ in range(4)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], duration=200, lossless=True)
    whole = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "a.webp").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="does not decode"):
        list(read_input(tmp_path / "a.webp", 10, "pad"))
