from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.networks import Network, read_networks
from fitness_tracker.blazepose.regions import CROP_SIZE
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.core.errors import UserError


def test_a_network_without_its_unused_outputs_gives_the_same_bits(networks: dict[str, bytes], noise) -> None:
    crop, sizes = noise(CROP_SIZE, CROP_SIZE, 3), (195, 117, 64 * 64 * 39)
    whole, part = (Network(networks["landmarker"], *more, *sizes) for more in ((1, CROP_SIZE**2), (1,)))
    assert len(whole.interpreter.get_output_details()) == 5
    assert len(part.interpreter.get_output_details()) == 4
    for one, other in zip(whole(crop, 255, 0)[2:], part(crop, 255, 0)[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_missing_networks_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pose_detection\.tflite: No such file.*pretrained"):
        read_networks(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "the other network", "one bit"])
def test_a_network_that_is_another_is_refused(networks: dict[str, bytes], tmp_path: Path, damage: str) -> None:
    changed = bytearray(networks["detector"])
    changed[-1000] ^= 1
    detector = {"empty": b"", "the other network": networks["landmarker"], "one bit": bytes(changed)}[damage]
    (tmp_path / NETWORKS["detector"]).write_bytes(detector)
    (tmp_path / NETWORKS["landmarker"]).write_bytes(networks["landmarker"])
    with pytest.raises(UserError, match=r"pose_detection\.tflite: has SHA-256 \w+…, not 9ba9dd3d42ef…; .* fetches it"):
        read_networks(tmp_path)
