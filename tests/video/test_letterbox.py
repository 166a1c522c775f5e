"""What `resize` does to a clip, `fit_frame` does to a frame."""

import subprocess

import numpy as np
import pytest

from fitness_tracker.video import ffmpeg
from fitness_tracker.video.letterbox import fit_frame


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1280, 720), (360, 640), (638, 202)])
def test_a_frame_is_fitted_as_the_resize_stage_does_it(make_clip, fit: str, size: tuple[int, int]) -> None:
    lossless = make_clip(
        "-f", "lavfi", "-i", f"testsrc2=size={size[0]}x{size[1]}:rate=5:duration=0.2",
        "-c:v", "libx264rgb", "-qp", "0", suffix=".mkv",
    )  # fmt: skip
    command = [*ffmpeg.ffmpeg_command(), "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run(command, input=lossless, capture_output=True, check=True).stdout
    fitted = fit_frame(np.frombuffer(raw, np.uint8).reshape(size[1], size[0], 3), fit)
    assert fitted.shape == (480, 640, 3)
    assert np.abs(fitted.astype(int) - next(ffmpeg.read_frames(lossless, 5, fit))).mean() < 8
