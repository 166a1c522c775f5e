"""TensorFlow and Keras with fixed thread pools. To be imported from here only; takes 7 s."""

import contextlib

import keras
import tensorflow as tf

__all__ = ["keras", "make_deterministic", "tf"]

# Fixed, because the number of threads decides the order of sums, and so the last bits of the weights. Members of a pose
# classifier are fitted side by side in processes, for which one thread each is fastest.
THREADS = 1

with contextlib.suppress(RuntimeError):  # the importing program has started TensorFlow already
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def make_deterministic(seed: int) -> None:
    """The same seed gives the same weights, on any number of cores. Call before building a network."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
