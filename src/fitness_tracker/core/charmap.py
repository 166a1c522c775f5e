"""Which characters a font has, by its table 'cmap' (OpenType 1.9, "cmap: Character to Glyph Index Mapping Table")."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

UNICODE = {(0, encoding) for encoding in (0, 1, 2, 3, 4, 6)} | {(3, 1), (3, 10)}  # platform and encoding of a subtable
LAST = 0x10FFFF  # of Unicode


def font_letters(path: Path | str) -> frozenset[str]:
    """The characters of a TrueType or OpenType font, of the first one in a collection.

    Raises `ValueError` if the file is no such font, `OSError` if it cannot be read.
    """
    try:
        table = read_cmap(Path(path))
        found: set[int] = set()
        seen = 0
        for number in range(*struct.unpack_from(">H", table, 2)):
            *kind, offset = struct.unpack_from(">HHI", table, 4 + 8 * number)
            read = FORMATS.get(struct.unpack_from(">H", table, offset)[0])
            if tuple(kind) in UNICODE and read:
                for codes, glyphs in read(table[offset:]):
                    if (seen := seen + len(codes)) > len(UNICODE) * LAST:  # only where damaged stretches overlap
                        raise ValueError
                    found.update(codes[glyphs != 0].tolist())
    except (struct.error, ValueError, IndexError, OverflowError, StopIteration):
        raise ValueError(f"{path}: is no font, or damaged") from None
    return frozenset(map(chr, found))


def read_cmap(path: Path) -> bytes:
    """The table of a font's file."""
    with path.open("rb") as file:
        if file.read(4) == b"ttcf":
            file.seek(12)
            file.seek(struct.unpack(">I", file.read(4))[0] + 4)
        (tables,) = struct.unpack(">H6x", file.read(8))
        entries = (struct.unpack(">4s4xII", file.read(16)) for _ in range(tables))
        place, size = next((place, size) for tag, place, size in entries if tag == b"cmap")
        file.seek(place)
        return file.read(size)


def read_segments(table: bytes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Characters and their glyphs (0: none) in a subtable of format 4: up to 0xFFFF."""
    (double,) = struct.unpack_from(">H", table, 6)
    words = np.frombuffer(table, ">u2", len(table) // 2).astype(np.int64)
    ends, starts, deltas, offsets = (
        words[first : first + double // 2] for first in (7, 8 + double // 2, 8 + double, 8 + 3 * double // 2)
    )
    for number, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
        codes = np.arange(start, end + 1)
        glyphs = codes + delta
        if offset:
            listed = words[8 + 3 * double // 2 + number + offset // 2 + codes - start]
            glyphs = np.where(listed, listed + delta, 0)
        yield codes, glyphs & 0xFFFF


def read_groups(table: bytes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same of format 12: all of Unicode."""
    (number,) = struct.unpack_from(">I", table, 12)
    for start, end, glyph in np.frombuffer(table, ">u4", 3 * number, 16).reshape(-1, 3).tolist():
        codes = np.arange(start, min(end, LAST) + 1)
        yield codes, glyph + codes - start


FORMATS: dict[int, Callable[[bytes], Iterator[tuple[np.ndarray, np.ndarray]]]] = {4: read_segments, 12: read_groups}
