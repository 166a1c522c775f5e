"""Settings of native libraries that decide the last bits of results; to be imported before NumPy and TensorFlow.

With them the sums are the same on CPUs with AVX2 and with AVX-512. Without them oneDNN and OpenBLAS take the widest
vectors there are, and TensorFlow uses oneDNN on newer CPUs only. Training takes 12 % longer.
"""

import os

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
