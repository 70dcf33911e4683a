"""`python -m bench.collecting MODULE ARGUMENTS…`: run a module that collects its garbage on SIGUSR1, so that what it is
measured to hold is what it still refers to."""

from __future__ import annotations

import gc
import runpy
import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: gc.collect())
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
