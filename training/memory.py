"""Keeps freed memory in the process.

On Linux, large blocks are given back to the system at every layer of a network, and taken again.
That takes a good part of a training step on the CPU.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # from malloc.h


def keep_freed_memory() -> bool:
    """True where the C library took the advice (glibc); elsewhere nothing happens."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(
        mallopt
        and mallopt(M_MMAP_MAX, 0)
        and mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        and mallopt(M_TOP_PAD, 2**28)
    )
