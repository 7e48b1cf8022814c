"""Imported before numpy: whatever is measured computes on one thread, as it does in a worker."""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
