"""Settings of libraries, the same for every program of this project; imported before NumPy, Keras and Matplotlib.

Variables set for other programs (Keras' backend, a plot style, TensorFlow's switches, the plot backend that Jupyter
hands to what it starts) are removed: they would change bytes of results, or end in tracebacks.
"""

import os
import time

START_S = time.time()  # of this program

OTHER_PROGRAMS = ("DNNL_", "KERAS_", "MATPLOTLIB", "MPL", "ONEDNN_", "TF_", "XLA_")  # how their variables begin

SETTINGS = {
    # The same sums on CPUs with AVX2 and with AVX-512. Without them oneDNN and OpenBLAS take the widest vectors there
    # are, and TensorFlow uses oneDNN on newer CPUs only. Training takes 12 % longer.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "CUDA_VISIBLE_DEVICES": "-1",  # a graphics card sums in another order
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.path.join(os.devnull, "keras"),  # noqa: PTH118 - no such folder: no keras.json is read or written
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

for name in [name for name in os.environ if name.startswith(OTHER_PROGRAMS)]:
    del os.environ[name]
os.environ.update(SETTINGS)
