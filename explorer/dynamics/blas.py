"""NumPy's linear algebra in one thread: for matrices of 128 numbers two threads do ten times the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy solves in one thread inside, where threadpoolctl is installed (it comes with the app)."""
    libraries = _libraries()
    if libraries is None:
        yield
        return
    with libraries.limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> Any:
    """Returns what is loaded, looked up once: that takes milliseconds; None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController()
