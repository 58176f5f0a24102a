"""What takes longer than a hand waits: one background thread, in which newer work comes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cached_property
from threading import Condition, RLock
from typing import Any

from optiwidgets.engine.recover import Cancelled

Job = tuple[Callable[[Callable[[], bool]], Any], Callable[[Any], None]]


class SlowLane:
    """One background thread that only ever finishes the newest work.

    Parameters
    ----------
    failed
        Told the exception when work raised one, unless the work was void by then.
    lock
        Held while results are delivered, so that nothing lands in the middle of something else.
    executor
        Runs the work; by default a thread of its own, made on first use.

    Examples
    --------
    >>> seen = []
    >>> lane = SlowLane(failed=seen.append)
    >>> lane.submit((lambda void: 6 * 7, seen.append)).result()
    >>> seen
    [42]
    """

    def __init__(
        self,
        failed: Callable[[Exception], None],
        lock: RLock | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._failed = failed
        self._given = executor
        self._generation = 0
        self.newest: Future[None] = Future()
        self.newest.set_result(None)
        self._changed = Condition(lock or RLock())

    @cached_property
    def _executor(self) -> Executor:
        return self._given or ThreadPoolExecutor(1, "slow-lane")

    def cancel(self) -> int:
        """Make all work so far void, and return the number of the work to come."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def submit(self, *jobs: Job, rest_s: float = 0.0) -> Future[None]:
        """Do jobs one after the other in the background, until something newer comes.

        Parameters
        ----------
        jobs
            Pairs ``(work, done)``. ``work(void)`` does what takes long; it should look at
            ``void()`` now and then, and give up by raising ``Cancelled`` once that is True.
            ``done`` gets what it returned, unless newer work was submitted or all was cancelled.
        rest_s
            Seconds of quiet to wait for before starting.

        Returns
        -------
        concurrent.futures.Future
            Done when the jobs have ended, or were given up.
        """
        self.newest = self._executor.submit(self._run, self.cancel(), jobs, rest_s)
        return self.newest

    def _run(self, mine: int, jobs: Sequence[Job], rest_s: float) -> None:
        def void() -> bool:
            return self._generation != mine

        with self._changed:
            self._changed.wait_for(void, rest_s)
        for work, done in jobs:
            if void():
                return
            try:
                result = work(void)
            except Cancelled:
                return
            except Exception as error:  # noqa: BLE001 (handed on)
                if self._is_closing():
                    return
                result, done = error, self._failed
            with self._changed:
                if not void():
                    done(result)

    def _is_closing(self) -> bool:
        """Tell whether Python is on its way out: no pool takes work, and nobody is left to tell."""
        try:
            self._executor.submit(int)
        except RuntimeError:
            return True
        return False
