"""A clip that changes while it runs, as recordings of video calls do when the network or the phone turns."""

from collections.abc import Callable, Sequence
from pathlib import Path


def joined(make_clip: Callable[..., bytes], folder: Path, suffix: str, *parts: Sequence[str]) -> Path:
    """The clips that ffmpeg makes of each of its arguments `parts`, one after the other, as they are."""
    names = [f"part{number}{suffix}" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        (folder / name).write_bytes(make_clip(*part, suffix=suffix))
    (folder / "parts.txt").write_text("".join(f"file {name}\n" for name in names))
    whole = folder / f"joined{suffix}"
    whole.write_bytes(make_clip("-f", "concat", "-i", str(folder / "parts.txt"), "-c", "copy", suffix=suffix))
    return whole
