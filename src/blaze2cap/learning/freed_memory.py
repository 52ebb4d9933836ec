"""Memory that was freed, given back to the system."""

import ctypes
import sys


def return_freed_memory() -> None:
    """Give what was freed back to the system, where the C library can (glibc).

    By itself it does not where something small that is kept lies among what is freed: the heap grows on.
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
