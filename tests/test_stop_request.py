"""Signals that ask for the end of what is half done."""

import os
import signal
import threading
import time

import pytest

from blaze2cap.stop_request import ENDING, StopRequest, stopped_by_signals


def test_a_second_signal_interrupts_only_when_it_is_another_wish() -> None:
    now = 7.0
    stop = StopRequest(lambda: now)
    stop.ask()
    now += 0.3
    stop.ask()
    assert stop.requested
    now += 1.0
    with pytest.raises(KeyboardInterrupt):
        stop.ask()


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_asks_for_a_clean_end_meanwhile(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # under `nohup` one is ignored
    try:
        with stopped_by_signals() as stop:
            assert not stop.requested
            os.kill(os.getpid(), number)
            time.sleep(0.05)
            assert stop.requested
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_only_the_signals_that_are_named_ask() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals((signal.SIGINT,)):
        assert signal.getsignal(signal.SIGTERM) == before


def test_outside_of_the_main_thread_nothing_asks() -> None:
    asked: list[bool] = []

    def within() -> None:
        with stopped_by_signals() as stop:
            asked.append(stop.requested)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert asked == [False]
    assert signal.getsignal(signal.SIGINT) == before
