"""Measurements of Endcap: each module prints a table and writes JSON, as `python -m benchmarks.NAME`.

Importing this package, which comes before any import of numpy, keeps native code to one thread, as it is in a worker:
a second one's processor time would not be counted. Training, which uses all cores, says so (`benchmarks.scale`).
"""

import os

ALL_CORES = "ENDCAP_BENCHMARKS_ALL_CORES"

if not os.environ.get(ALL_CORES):
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
