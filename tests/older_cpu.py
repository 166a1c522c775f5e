"""Prints the SHA-256 of a clip's landmarks as a CPU without AVX-512 finds them: older_cpu.py NETWORKS FRAMES.zip.

NumPy and OpenCV are told by environment variables; XNNPACK has none, so what it knows of the CPU is changed in memory,
before it is asked for the first time. Where that lies, the symbol table of the library says.
"""

import ctypes
import hashlib
import os
import struct
import sys
from pathlib import Path

import numpy as np

VARIABLES = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    "OPENCV_CPU_DISABLE": "AVX512-SKX",
    "OPENCV_IPP": "avx2",
    "OPENBLAS_CORETYPE": "Haswell",
}
UP_TO_AVX2 = 0xFF  # of XNNPACK's xnn_arch_flags: SSE, SSE2, SSSE3, SSE4.1, AVX, F16C, FMA3, AVX2; AVX-512 from 256 on


def find_symbol(library: Path, name: bytes) -> int:
    """Its address in an ELF file, from the beginning of what is loaded."""
    data = library.read_bytes()
    (start,), (count,) = struct.unpack_from("<Q", data, 0x28), struct.unpack_from("<H", data, 0x3C)
    sections = np.frombuffer(data, "<u4,<u4,<u8,<u8,<u8,<u8,<u4,<u4,<u8,<u8", count, start)
    table = sections[sections["f1"] == 2][0]
    names = int(sections[table["f6"]]["f4"])
    symbols = np.frombuffer(data, "<u4,u1,u1,<u2,<u8,<u8", int(table["f5"]) // 24, int(table["f4"]))
    return int(symbols[symbols["f0"] == data.index(b"\0" + name + b"\0", names) + 1 - names]["f4"][0])


def hide_avx512() -> None:
    import ai_edge_litert.interpreter

    library = Path(ai_edge_litert.interpreter.__file__).parent / "libpywrap_litert_common.so"
    first = next(line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(str(library)))
    address = int(first.split("-")[0], 16) + find_symbol(library, b"xnn_init_hardware_config")
    config = ctypes.CFUNCTYPE(ctypes.c_void_p)(address)()
    flags = ctypes.c_uint64.from_address(config + 8)
    assert flags.value & UP_TO_AVX2 == UP_TO_AVX2, f"XNNPACK's flags are {flags.value:#x}: are they there?"
    flags.value &= UP_TO_AVX2


def main() -> None:
    networks, frames = map(Path, sys.argv[1:])
    hide_avx512()
    from fitness_tracker.blazepose.networks import read_networks
    from fitness_tracker.blazepose.tracker import find_landmarks

    landmarks = find_landmarks(frames.read_bytes(), **read_networks(networks))
    print(hashlib.sha256(landmarks).hexdigest())


if __name__ == "__main__":
    if not VARIABLES.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | VARIABLES)
    main()
