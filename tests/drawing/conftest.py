from pathlib import Path

import pytest

from tests.drawing.examples import MOVING, saved


@pytest.fixture
def clip(make_clip, tmp_path: Path) -> Path:
    """Two seconds of 320x240, 20 frames a second."""
    return saved(tmp_path, make_clip(*MOVING))
