"""The same clip gives the same bytes on every CPU, and other bytes only with another `OUTPUT_VERSION`."""

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.audit import fingerprints as audit
from fitness_tracker.blazepose import tracker as blazepose
from fitness_tracker.core.params import Limits
from fitness_tracker.processing import result_cache
from fitness_tracker.processing.result_cache import function_key
from fitness_tracker.video import ffmpeg, frames
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames

# (version, SHA-256) of what a clip function makes of `film`. If a test fails since you changed a function on purpose:
# raise its OUTPUT_VERSION and enter both anew. If a library came in another version: enter the hash alone.
BYTES = {
    "resize_video": (1, "1c4c05b4e956e598dcfe0410cb89ba20ab7ce34c6ddef21b4d2f50ac0b4dd018"),
    "extract_frames": (1, "181de2f74622950e8b088bbb8a4017cdcc9c1098ab463860d844044c507055c5"),
}
# (version, figures) of what goes through a network, of a drawn person: `sample/` may draw it otherwise one day
FIGURES: dict[str, tuple[int, list[float]]] = {
    "find_landmarks": (7, [3.0, 1.0, 1794.736, 0.0, 0.0, 1.33333, 0.0, 242.653, 1130.303]),
    "fingerprint": (5, [0.02125, 1.0, 0.96106, 0.0, 0.0, 164.1455]),
}


@pytest.fixture(scope="module")
def film(make_clip: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """30 frames, coded without loss, for which x264's AVX-512 code gives other bytes than its AVX2 code."""
    rng = np.random.default_rng(7)
    ground = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    raw, x, y = tmp_path_factory.mktemp("film") / "film.rgb", 20, 20
    with raw.open("wb") as file:
        for t in range(30):
            frame = ground // 2 + np.uint8(60 * (t % 7) // 7)
            for k in range(3):
                x, y = (x + int(rng.integers(-9, 10))) % 120, (y + int(rng.integers(-9, 10))) % 80
                frame[y : y + 40, x : x + 40] = (37 * k + t) % 256
            file.write(frame.tobytes())
    shape = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "160x120", "-r", "25")
    return make_clip(*shape, "-i", str(raw), "-c:v", "ffv1", suffix=".mkv")


@pytest.mark.skipif(ffmpeg.platform.machine() not in ("x86_64", "AMD64"), reason="other CPUs give other bytes")
@pytest.mark.parametrize(
    ("name", "module", "make"),
    [
        ("resize_video", ffmpeg, lambda clip: resize_video(clip, "pad")),
        ("extract_frames", frames, lambda clip: extract_frames(clip, 10, 90)),
    ],
)
def test_other_bytes_have_another_version(film: bytes, name: str, module, make: Callable[[bytes], bytes]) -> None:
    assert (module.OUTPUT_VERSION, hashlib.sha256(make(film)).hexdigest()) == BYTES[name]


def figures(data: bytes) -> list[float]:
    """The mean size of each array's values."""
    with np.load(io.BytesIO(data)) as arrays:
        return [float(np.abs(arrays[name].astype(float)).mean()) for name in sorted(arrays.files) if name != "picture"]


def test_other_landmarks_have_another_version(squat_clip: Path, networks: dict[str, bytes]) -> None:
    version, expected = FIGURES["find_landmarks"]
    assert version == blazepose.OUTPUT_VERSION
    landmarks = blazepose.find_landmarks(extract_frames(squat_clip.read_bytes(), 3, 90), **networks)
    assert figures(landmarks) == pytest.approx(expected, rel=1e-3)


def test_another_fingerprint_has_another_version(squat_clip: Path, networks: dict[str, bytes]) -> None:
    version, expected = FIGURES["fingerprint"]
    assert version == audit.OUTPUT_VERSION
    found = audit.fingerprint(squat_clip.read_bytes(), **networks, limits=Limits())
    assert figures(found) == pytest.approx(expected, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("codec", [("-c:v", "libx264"), ("-c:v", "mpeg4", "-q:v", "3")], ids=["H.264", "MPEG-4"])
def test_any_cpu_gives_the_same_bytes(
    make_clip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, codec: tuple[str, ...]
) -> None:
    source = "testsrc2=size=401x300:rate=20:duration=0.4,noise=alls=40:allf=t"
    clip = make_clip("-f", "lavfi", "-i", source, *codec, suffix=".mkv")
    usual = ffmpeg.ffmpeg_command()
    outputs = set()
    for flags in ([], ["-cpuflags", "sse4.2"], ["-cpuflags", "0"]):
        monkeypatch.setattr(ffmpeg, "ffmpeg_command", lambda flags=flags: [*usual, *flags])
        outputs.add((resize_video(clip, "crop"), extract_frames(clip, 10, 90)))
    assert len(outputs) == 1


def test_opencv_gives_the_same_bytes_without_its_fast_code() -> None:
    program = (
        "import hashlib, numpy as np; from fitness_tracker.video import frames\n"
        "noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)\n"
        "data = frames.encode_jpeg(noise, 90)\n"
        "output = data + frames.decode_picture(data).tobytes() + frames.shrink(noise, 64).tobytes()\n"
        "print(hashlib.sha256(output).hexdigest())"
    )
    slow = {"OPENCV_CPU_DISABLE": "SSE4_1,SSE4_2,AVX,FP16,AVX2,FMA3,AVX512_SKX", "JSIMD_FORCENONE": "1"}
    hashes = [
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | more, check=True, capture_output=True, text=True
        ).stdout
        for more in ({}, slow)
    ]
    assert hashes[0] == hashes[1]


def test_the_key_of_a_result_depends_on_function_version_parameters_and_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pad, crop = partial(resize_video, fit="pad"), partial(resize_video, fit="crop")
    keys = [function_key(pad), function_key(crop), function_key(partial(extract_frames, fit="pad"))]
    monkeypatch.setattr(ffmpeg, "OUTPUT_VERSION", ffmpeg.OUTPUT_VERSION + 1)
    function_key.cache_clear()
    keys.append(function_key(pad))
    monkeypatch.setattr(result_cache, "ffmpeg_version", lambda: "another")
    function_key.cache_clear()
    keys.append(function_key(pad))
    function_key.cache_clear()
    assert len(set(keys)) == 5
