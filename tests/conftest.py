"""Fixtures that every test may use; real recordings are found through environment variables only."""

import os
import signal
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# A run in the background has Ctrl-C ignored, and hands that on to what tests start and interrupt.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that stands still for a moment breaks no law.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _one_thread_per_test_process() -> None:
    torch.set_num_threads(1)


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: it names the folder of real recordings")
    return Path(value)


@pytest.fixture(scope="session")
def totalcapture_root() -> Path:
    """Folder of real TotalCapture recordings in the raw layout."""
    return _folder("BLAZE2CAP_TOTALCAPTURE")


@pytest.fixture(scope="session")
def videos_root() -> Path:
    """Folder of real videos."""
    return _folder("BLAZE2CAP_VIDEOS")
