"""Reads BlazePose's two networks, which `pretrained/` fetches, and runs them with LiteRT."""

import hashlib
import math
import struct
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.regions import ANCHORS
from fitness_tracker.blazepose.weights import NETWORKS, SHA256
from fitness_tracker.core.errors import UserError


class Network:
    """One of the two networks, on one thread: from a picture to those of its outputs that are wanted.

    XNNPACK runs it. Its AVX-512 and AVX2 code were compared and give the same bits, except for a sigmoid that we only
    compare with a threshold. On the first Zen and on Hygon's Dhyana it sums in another order: the last bits differ.
    """

    def __init__(self, weights: bytes, *sizes: int) -> None:
        """`weights`: the bytes of a `.tflite`; `sizes`: the outputs that are wanted, by their number of values."""
        from ai_edge_litert.interpreter import Interpreter  # 0.2 s

        outputs = Interpreter(model_content=weights).get_output_details()
        self.interpreter = Interpreter(model_content=keep_outputs(weights, outputs, sizes), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        indices = {math.prod(output["shape"]): output["index"] for output in self.interpreter.get_output_details()}
        self.outputs = [indices[size] for size in sizes]

    def __call__(self, picture: np.ndarray, scale: float, shift: float) -> list[np.ndarray]:
        """The outputs, each (size,) float32, for `picture / scale - shift`, where `picture` is (H, W, 3) uint8 RGB."""
        values = self.interpreter.tensor(self.input)()[0]  # a view of the network's own input
        np.divide(picture, np.float32(scale), out=values, dtype=np.float32)
        if shift:
            values -= np.float32(shift)
        del values  # LiteRT does not run while there is a view
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index).reshape(-1) for index in self.outputs]


def keep_outputs(weights: bytes, outputs: list[dict], sizes: tuple[int, ...]) -> bytes:
    """The network's bytes without its outputs of other sizes.

    XNNPACK skips what leads to no output: in the landmark network the mask of the person, a third of its work. The
    remaining outputs keep their bits. A flatbuffer lists outputs as int32: how many, then which tensors.
    """
    indices = [output["index"] for output in outputs]
    wanted = [output["index"] for output in outputs if math.prod(output["shape"]) in sizes]
    vector = struct.pack(f"<{1 + len(indices)}i", len(indices), *indices)
    if weights.count(vector) != 1:
        return weights
    shorter = struct.pack(f"<{1 + len(wanted)}i", len(wanted), *wanted)
    return weights.replace(vector, shorter + vector[len(shorter) :])


def read_networks(folder: Path) -> dict[str, bytes]:
    """The bytes of the two networks in `folder`, by the names of `find_landmarks`'s arguments.

    Raises `UserError` if one is missing, or has another SHA-256 than that of `weights.py`.
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
    Network(networks["detector"], ANCHORS)  # LiteRT reports its first delegate: here, where programs can keep it quiet
    return networks
