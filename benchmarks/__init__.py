"""Named problems and the commands that write their figures into the README."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # figures are CPU seconds of one core: threads that wait count too
