"""What every test shares."""

import gc
import os
import signal
import sys

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

# Where Python may not keep what it compiled (containers often say so), each worker would compile all tests anew, which
# takes 17 s of a core instead of 7, and each process that a test starts the package.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


# The garbage collector is spared what stays until the end: modules, tests, parameters, half a million objects and more.
# It would walk through all of them each time it looks for cycles: a sixth of the time of collecting the tests, and some
# hundredths of that of running them.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave what is there now out of all later searches for cycles."""
    gc.collect()
    gc.freeze()
    gc.enable()
