import hashlib
import io

import numpy as np
import pytest

from fitness_tracker.core.files import npz_bytes

ARRAYS = {"one": np.arange(6, dtype=np.float32).reshape(2, 3), "version": np.array(3), "none": np.zeros((0, 4), "i2")}


def test_numpy_reads_what_was_written() -> None:
    with np.load(io.BytesIO(npz_bytes(ARRAYS)), allow_pickle=False) as arrays:
        assert arrays.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_every_python_gives_the_same_bytes() -> None:
    """3.11.2 and 3.11.7 wrote other headers by `numpy.savez`."""
    expected = "bfc68b85d4d80cd28e0ca0d3fb5216b5bf35353b1eec209dd3cce138c33c5ee7"
    assert hashlib.sha256(npz_bytes(ARRAYS)).hexdigest() == expected


def test_an_object_is_no_array() -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        npz_bytes({"object": np.array([{}])})
