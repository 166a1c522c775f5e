"""Reads and runs BlazePose's two networks, which `pretrained/` fetches."""

import hashlib
import math
import struct
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.weights import NETWORKS, SHA256
from fitness_tracker.core.errors import UserError, capture_native_stderr


class Network:
    """One of the two networks, on one thread: a picture in, its outputs by their number of values.

    XNNPACK runs it. Its AVX-512 and AVX2 code were compared and give the same bits, but for a sigmoid that we only
    compare with a threshold; on the first Zen and on Hygon's Dhyana it sums in another order, and the last bits differ.
    """

    def __init__(self, weights: bytes, *sizes: int) -> None:
        """`sizes`: the outputs that are wanted, by their number of values."""
        from ai_edge_litert.interpreter import Interpreter  # 0.2 s

        self.sizes = sizes
        outputs = Interpreter(model_content=weights).get_output_details()
        self.interpreter = Interpreter(model_content=keep_outputs(weights, outputs, sizes), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        indices = {math.prod(output["shape"]): output["index"] for output in self.interpreter.get_output_details()}
        self.outputs = [indices[size] for size in sizes]

    def __call__(self, picture: np.ndarray, scale: float, shift: float) -> list[np.ndarray]:
        """The outputs, each (size,) float32, for picture / scale - shift; `picture`: (H, W, 3) uint8 RGB."""
        values = self.interpreter.tensor(self.input)()[0]  # a view of the network's own input
        np.divide(picture, np.float32(scale), out=values, dtype=np.float32)
        if shift:
            values -= np.float32(shift)
        del values  # or it does not run
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index).reshape(-1) for index in self.outputs]


def keep_outputs(weights: bytes, outputs: list[dict], sizes: tuple[int, ...]) -> bytes:
    """The network without outputs of other sizes.

    XNNPACK skips what leads to no output: in the landmark network a mask of the person, a third of its work. The other
    outputs keep their bits. A flatbuffer lists the outputs as int32: how many, and which tensors.
    """
    indices = [output["index"] for output in outputs]
    wanted = [output["index"] for output in outputs if math.prod(output["shape"]) in sizes]
    vector = struct.pack(f"<{1 + len(indices)}i", len(indices), *indices)
    if weights.count(vector) != 1:
        return weights
    shorter = struct.pack(f"<{1 + len(wanted)}i", len(wanted), *wanted)
    return weights.replace(vector, shorter + vector[len(shorter) :])


def read_networks(folder: Path) -> dict[str, bytes]:
    """The networks of `folder`, as arguments of `find_landmarks`.

    Raises `UserError` if they are not there, or not those whose SHA-256 we know.
    """
    networks = {}
    for role, name in NETWORKS.items():
        try:
            networks[role] = (folder / name).read_bytes()
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}; `dvc repro pretrained/dvc.yaml` fetches it") from None
        if (found := hashlib.sha256(networks[role]).hexdigest()) != SHA256[name]:
            raise UserError(
                f"{folder / name}: has SHA-256 {found[:12]}…, not {SHA256[name][:12]}…; "
                "`dvc repro -f pretrained/dvc.yaml` fetches it anew"
            )
    with capture_native_stderr():  # LiteRT reports its first delegate; not in `Network`, which threads create
        Network(networks["detector"], 2254)
    return networks
