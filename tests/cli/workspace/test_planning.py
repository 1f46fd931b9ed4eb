"""Many agents at a time: in order, bounded, and nothing begins after the end."""

import threading

import pytest

from trivium.cli.workspace.planning import THREADS, in_parallel


def test_results_keep_the_order_and_few_run_at_a_time() -> None:
    most, running, lock = 0, 0, threading.Lock()
    full = threading.Barrier(THREADS)
    steps: list[tuple[int, int | None]] = []

    def work(item: int) -> int:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        full.wait(10)
        with lock:
            running -= 1
        return item * 2

    items = range(THREADS * 3)
    found = in_parallel(items, work, lambda done, total: steps.append((done, total)))
    assert found == [item * 2 for item in items]
    assert most == THREADS
    assert steps[-1] == (len(items), len(items))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_has_not_begun_does_not_begin_after_an_error(error: type[BaseException]) -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)

    def stop(done: int, total: int | None) -> None:
        raise error

    def slow(item: int) -> None:
        work(item)
        if item:
            gate.wait(0.2)

    gate = threading.Event()
    with pytest.raises(error):
        in_parallel(range(1000), slow, stop)
    assert len(begun) < 1000
