"""Recognises exercises in videos, and says honestly how well."""

import os

# The same sums on CPUs with AVX2 and with AVX-512; read when NumPy and TensorFlow are imported. Without them oneDNN and
# OpenBLAS take the widest vectors there are, and TensorFlow uses oneDNN on newer CPUs only. Training takes 12 % longer.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
