"""Clips that are heavy, and ways to spoil one."""

import itertools

import numpy as np

SMALL = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=30:duration=1")
TINY = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=15:duration=0.6")
# It takes some seconds to resize.
HEAVY = ("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=8", "-preset", "ultrafast")


def mutations(clip: bytes, number: int) -> bytes:
    """One of many ways to spoil a clip, by its number."""
    rng = np.random.default_rng(number)
    spoilt = bytearray(clip)
    way = number // 50 % 5
    if way == 0:  # bits flipped
        for place in rng.integers(0, len(spoilt), rng.integers(1, 50)):
            spoilt[place] ^= 1 << int(rng.integers(8))
    elif way == 1:  # cut
        spoilt = spoilt[: int(rng.integers(0, len(spoilt)))]
    elif way == 2:  # parts in another order
        cuts = sorted({0, len(spoilt), *rng.integers(0, len(spoilt), 4).tolist()})
        parts = [spoilt[one:other] for one, other in itertools.pairwise(cuts)]
        spoilt = bytearray().join(parts[place] for place in rng.permutation(len(parts)))
    elif way == 3:  # a box that lies about its length, or its numbers
        names = (b"moov", b"trak", b"mdia", b"stbl", b"stsz", b"stco", b"stts", b"stsd", b"mdat", b"avc1", b"tkhd")
        place = spoilt.find(names[int(rng.integers(len(names)))])
        place += int(rng.choice([-4, 4, 8, 12, 16, 20, 24, 28])) if place >= 4 else 10
        spoilt[place : place + 4] = rng.bytes(4)
    else:  # a stretch of noise
        place = int(rng.integers(0, len(spoilt)))
        noise = rng.bytes(int(rng.integers(1, 200)))
        spoilt[place : place + len(noise)] = noise
    return bytes(spoilt)
