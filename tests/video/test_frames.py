import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.video.ffmpeg import read_frames
from fitness_tracker.video.frames import decode_picture, encode_jpeg, extract_frames, middle_frame, read_zip, shrink


@pytest.fixture
def kept(make_clip, tmp_path: Path) -> Path:
    path = tmp_path / "clip.zip"
    path.write_bytes(extract_frames(make_clip(), fps=5, quality=90))
    return path


def test_members_are_named_by_their_time(kept: Path) -> None:
    assert zipfile.ZipFile(kept).namelist() == [f"0000{second:.3f}.jpg" for second in (0, 0.2, 0.4, 0.6, 0.8)]


def test_frames_come_back_in_time_order_and_true_colours(make_clip, kept: Path) -> None:
    expected = list(read_frames(make_clip(), 5, "pad"))
    for (time, frame), (number, original) in zip(read_zip(kept), enumerate(expected), strict=True):
        assert time == pytest.approx(number / 5)
        assert frame.shape == (480, 640, 3)
        assert np.abs(frame.astype(int) - original).mean() < 4


def test_the_middle_frame_is_in_the_middle(kept: Path) -> None:
    np.testing.assert_array_equal(middle_frame(kept), [frame for _, frame in read_zip(kept)][2])


def test_a_lower_quality_is_smaller(make_clip) -> None:
    assert len(extract_frames(make_clip(), 10, 30)) < len(extract_frames(make_clip(), 10, 95))


def test_a_zip_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"a\.zip.*extract"):
        list(read_zip(tmp_path / "a.zip"))


def test_a_member_that_is_no_picture_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("00000.000.jpg", b"no picture")
    with pytest.raises(UserError, match=r"00000\.000\.jpg"):
        list(read_zip(tmp_path / "a.zip"))


def test_a_picture_survives_jpeg() -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, 32:] = (200, 30, 90)
    assert np.abs(decode_picture(encode_jpeg(frame, 95))[:, 40:].mean(axis=(0, 1)) - (200, 30, 90)).max() < 6


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert decode_picture(data) is None


def test_shrinking_averages_areas() -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[:, ::2] = 200
    small = shrink(frame, 32)
    assert small.shape == (32, 32, 3)
    assert small.dtype == np.uint8
    assert (small == 100).all()


def test_a_zip_without_frames_is_told(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    with pytest.raises(UserError, match=r"a\.zip: holds no frame"):
        list(read_zip(tmp_path / "a.zip"))


def test_a_zip_with_a_flipped_byte_is_told(kept: Path) -> None:
    content = bytearray(kept.read_bytes())
    content[5000] ^= 255
    kept.write_bytes(content)
    with pytest.raises(UserError, match="extract"):
        list(read_zip(kept))


def test_a_picture_that_claims_to_be_huge_is_none() -> None:
    header = b"\x89PNG\r\n\x1a\n"
    size = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    chunk = (13).to_bytes(4, "big") + size + zlib.crc32(size).to_bytes(4, "big")
    assert decode_picture(header + chunk) is None
