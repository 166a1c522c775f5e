"""What becomes of a clip's shape, rate and sound, in its overlay."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.overlay import write_overlay
from fitness_tracker.drawing.playback import encode_reason, read_shape, read_upright, usual_rate
from fitness_tracker.drawing.strip import write_strip
from tests.drawing.examples import (
    MOVING,
    SOUND,
    SQUAT,
    answer,
    classifier,
    described,
    frames_of,
    landmarks_at,
    near,
    overlay,
    saved,
    sound_of,
)
from tests.video.joined import joined


@pytest.mark.parametrize(
    ("size", "turn", "wanted"),
    [
        ("320x240", "0", "640x480"),  # tiny: larger, so that words can be read
        ("640x360", "90", "360x640"),  # a phone held upright
        ("640x360", "180", "640x360"),
        ("801x601", "0", "802x602"),
        pytest.param("3840x2160", "0", "1280x720", marks=pytest.mark.slow),
    ],
)
def test_the_overlay_is_h264_that_everything_plays_in_the_shape_of_the_clip(
    make_clip, tmp_path: Path, size: str, turn: str, wanted: str
) -> None:
    source = f"testsrc2=size={size}:rate=20:duration=0.4,format=yuv444p"
    plain = saved(tmp_path, make_clip("-f", "lavfi", "-i", source), "plain.mkv")
    out = overlay(saved(tmp_path, make_clip("-display_rotation", turn, "-i", str(plain), "-c", "copy")), SQUAT)
    text = described(out)
    for word in ("h264", "yuv420p", f", {wanted}", "20 fps"):
        assert word in text
    assert "rotation" not in text
    assert "Audio" not in text
    assert len(frames_of(out)) == 8


def test_a_turned_clip_stands_upright_in_its_overlay(make_clip, tmp_path: Path) -> None:
    """A red bar on the left; turned a quarter counter-clockwise for showing, it lies at the bottom, above the bar."""
    bar = "color=black:size=640x640:rate=10:duration=0.4,drawbox=x=0:y=0:w=240:h=640:color=red:t=fill"
    plain = saved(tmp_path, make_clip("-f", "lavfi", "-i", bar), "plain.mp4")
    out = overlay(saved(tmp_path, make_clip("-display_rotation", "90", "-i", str(plain), "-c", "copy")))
    rows = np.flatnonzero(near(frames_of(out)[0][:, 600], (254, 0, 0), 30))
    assert rows.min() == pytest.approx(400, abs=4)


def test_a_picture_that_turns_while_the_clip_runs_is_shown_in_its_shape(make_clip, tmp_path: Path) -> None:
    """A camera may note in the video itself that it was turned."""
    plain = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1")
    saved(tmp_path, make_clip(*plain), "plain.mp4")
    note = ("-c", "copy", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
    clip = joined(make_clip, tmp_path, ".mp4", plain, ("-i", str(tmp_path / "plain.mp4"), *note))
    boxes = [box for _, box in read_upright(clip, read_shape(clip, 320, 320))]
    assert boxes[:9] == [(0, 0, 320, 240)] * 9
    assert boxes[10:] == [(69, 0, 182, 240)] * 10


def test_what_is_transparent_is_no_bar(make_clip, tmp_path: Path) -> None:
    source = "color=red@0:size=320x240:rate=10:duration=0.2,format=rgba"
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", source, "-c:v", "qtrle", suffix=".mov"), "clip.mov")
    assert [box for _, box in read_upright(clip, read_shape(clip, 320, 320))] == [(0, 0, 320, 240)] * 2


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"], ids=["PQ", "HLG"])
def test_hdr_has_the_colours_that_a_player_shows(make_clip, tmp_path: Path, transfer: str) -> None:
    """White paper is at 203 cd/m2 (ITU-R BT.2408). All was grey."""
    parts = {0xC0C0C0: 0, 0x4080C0: 1, 0xC03020: 2, 0xFFFFFF: 3}
    boxes = ",".join(f"drawbox=x={80 * place}:w=80:color=0x{colour:06x}:t=fill" for colour, place in parts.items())
    source = (
        f"color=black:size=320x240:rate=10:duration=0.2,format=gbrp,{boxes},scale=out_color_matrix=bt709,format=yuv444p,"
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,zscale=t=linear:npl=203,format=gbrpf32le,"
        f"zscale=p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
    )
    coder = ("-c:v", "libx265", "-x265-params", "log-level=none")
    out = overlay(saved(tmp_path, make_clip("-f", "lavfi", "-i", source, *coder, suffix=".mov"), "clip.mov"), SQUAT)
    assert "bt709" in described(out)
    row = frames_of(out)[0][300].astype(int)
    for colour, place in parts.items():
        assert row[160 * place + 80] == pytest.approx(list(colour.to_bytes(3, "big")), abs=26)


def test_pixels_that_are_not_square_become_square(make_clip, tmp_path: Path) -> None:
    wide = saved(tmp_path, make_clip("-f", "lavfi", "-i", "color=red:size=360x480:rate=10:duration=0.4,setsar=2"))
    assert ", 720x480" in described(overlay(wide))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "aac"),
        *(
            pytest.param(suffix, codec, marks=pytest.mark.slow)
            for suffix, codec in ((".avi", "pcm_s16le"), (".mkv", "libvorbis"), (".webm", "libopus"))
        ),
    ],
)
def test_the_sound_is_kept(make_clip, tmp_path: Path, suffix: str, codec: str) -> None:
    out = overlay(saved(tmp_path, make_clip(*MOVING, *SOUND, "-c:a", codec, suffix=suffix), f"clip{suffix}"))
    text = described(out)
    assert "Audio: aac" in text
    assert "Duration: 00:00:02.0" in text
    heard = sound_of(out).astype(float)
    assert np.argmax(np.abs(np.fft.rfft(heard))) * 8000 / len(heard) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("rate", [7350, 12345, 192000])
def test_sound_of_an_odd_sample_rate_keeps_its_pitch_and_its_length(make_clip, tmp_path: Path, rate: int) -> None:
    odd = make_clip(*MOVING, *SOUND, "-c:a", "pcm_s16le", "-ar", str(rate), suffix=".mkv")
    heard = sound_of(overlay(saved(tmp_path, odd, "clip.mkv"))).astype(float)
    assert len(heard) / 8000 == pytest.approx(2, abs=0.05)
    assert np.argmax(np.abs(np.fft.rfft(heard))) * 8000 / len(heard) == pytest.approx(440, abs=3)


def test_sound_of_many_channels_is_mixed_down(make_clip, tmp_path: Path) -> None:
    """The overlay was refused: 'Unsupported channel layout "7.1.4"'."""
    many = ("-f", "lavfi", "-i", "aevalsrc=" + "|".join(["sin(880*PI*t)"] * 12) + ":c=7.1.4:d=2", "-c:a", "pcm_s16le")
    out = overlay(saved(tmp_path, make_clip(*MOVING, *many, suffix=".mkv"), "clip.mkv"))
    assert "stereo" in described(out)
    assert np.abs(sound_of(out).astype(int)).max() > 500


def test_sound_stays_where_it_was(make_clip, tmp_path: Path) -> None:
    """It begins half a second after the picture."""
    late = make_clip(*MOVING, "-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=duration=1.5", suffix=".mkv")
    loud = np.flatnonzero(np.abs(sound_of(overlay(saved(tmp_path, late, "clip.mkv"))).astype(int)) > 500)
    assert loud[0] / 8000 == pytest.approx(0.5, abs=0.03)


def test_sound_that_nobody_can_decode_is_left_out(make_clip, tmp_path: Path) -> None:
    loud = make_clip(*MOVING, *SOUND, "-c:a", "aac", suffix=".mkv").replace(b"A_AAC", b"A_ABC")
    out = overlay(saved(tmp_path, loud, "clip.mkv"))
    assert "Audio" not in described(out)
    assert len(frames_of(out)) == 40


@pytest.mark.parametrize(("size", "frames"), [("64x48", 1), ("64x48", 3), ("16x1600", 3), ("1600x16", 3), ("16x16", 3)])
def test_the_shortest_the_thinnest_and_the_smallest_have_an_overlay_and_a_strip(
    make_clip, tmp_path: Path, size: str, frames: int
) -> None:
    clip = saved(tmp_path, make_clip("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10", "-frames:v", str(frames)))
    seconds, found = frames / 10, landmarks_at([(320, 240)] * frames)
    given = answer(replace(SQUAT, end_s=seconds), landmarks=found, seconds=seconds)
    write_overlay(clip, given, classifier(), tmp_path / "out.mp4")
    write_strip(clip, given, classifier(), tmp_path / "out.png")
    assert len(frames_of(tmp_path / "out.mp4")) == frames
    assert (tmp_path / "out.png").stat().st_size > 1000


def test_a_clip_whose_container_names_no_length_is_drawn(tmp_path: Path) -> None:
    program = [get_ffmpeg_exe(), "-loglevel", "error", *MOVING, "-f", "matroska", "-"]
    live = saved(tmp_path, subprocess.run(program, capture_output=True, check=True).stdout, "live.mkv")
    assert "Duration: N/A" in described(live)
    assert len(frames_of(overlay(live))) == 40


@pytest.mark.parametrize(
    ("rate", "wanted"), [("30000/1001", "30000/1001"), ("5", "10"), ("120", "60"), ("1000", "1000/17"), ("0", "30")]
)
def test_rates_are_such_as_screens_show(rate: str, wanted: str) -> None:
    assert usual_rate(Fraction(rate)) == Fraction(wanted)


def test_what_stops_the_encoder_is_told() -> None:
    limits = Limits(cpu_seconds=10)
    assert "disk is full" in encode_reason(228, 0.1, "av_interleaved_write_frame(): No space left on device", limits)
    assert "limits.cpu_seconds, 10" in encode_reason(137, 9.9, "", limits)
    assert "exit code 137: it was killed" in encode_reason(137, 1.0, "", limits)
