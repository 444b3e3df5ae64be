"""What every test shares."""

import os
import signal

# Before numpy is imported: two workers with a pool of BLAS threads each would fight for two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import settings

# A busy machine makes any example slow; speed is judged in benchmarks/, never here.
settings.register_profile("sizer", deadline=None)
settings.load_profile("sizer")

# A shell that starts the tests in the background has them ignore Ctrl-C, `nohup` has them ignore hang-ups, and what
# tests start would inherit both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
