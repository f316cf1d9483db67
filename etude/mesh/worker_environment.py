"""Imported in the process that workers are forked from, before any numerical library.

The pool is what runs in parallel: a worker whose matrix library starts a thread per core would fight the other workers
for the same cores, and each thread reserves memory.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
