"""Background worker: one thread; newer jobs cancel older ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cached_property
from threading import Condition, RLock
from typing import Any

from optiwidgets.engine.execution.progress import Cancelled, Progress, ProgressCallback
from optiwidgets.engine.execution.worker_pool import work_in_background
from optiwidgets.session.machine_slots import Slot, lower_priority

Work = Callable[[Callable[[], bool]], Any]
Job = tuple[Work, Callable[[Any], None]]


def no_work(is_cancelled: Callable[[], bool]) -> None:
    """Do nothing: placeholder for a job without computation, which takes no slot."""


def is_method(callback: Callable[..., Any], owner: object) -> bool:
    """Return whether a callback is a method of this very object.

    Examples
    --------
    >>> seen: list[int] = []
    >>> is_method(seen.append, seen), is_method(seen.append, [])
    (True, False)
    """
    return getattr(callback, "__self__", None) is owner


def _begin() -> None:
    """Begin a thread of slow work, which other work does not wait for."""
    lower_priority()
    work_in_background()


class BackgroundWorker:
    """Background worker with one thread; newer jobs cancel older ones.

    Parameters
    ----------
    failed
        Called with the exception if work raises one and is not cancelled.
    lock
        Lock held while results are delivered, so that a delivery interrupts no other update.
    executor
        Executor of the work; by default a separate thread, started on first use.

    Examples
    --------
    >>> seen = []
    >>> lane = BackgroundWorker(failed=seen.append)
    >>> lane.submit((lambda is_cancelled: 6 * 7, seen.append)).result()
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
        self._generation, self._rested = 0, 0  # of the newest work, and of that told to start
        self.newest: Future[None] = Future()
        self.newest.set_result(None)
        self._changed = Condition(lock or RLock())

    @cached_property
    def _executor(self) -> Executor:
        return self._given or ThreadPoolExecutor(1, "slow-lane", initializer=_begin)

    def cancel(self) -> int:
        """Cancel all work so far, and return the number of the next work."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def hurry(self) -> None:
        """Start the newest work without waiting for the rest of its ``rest_s``.

        Examples
        --------
        >>> lane, seen = BackgroundWorker(failed=print), []
        >>> work = lane.submit((lambda is_cancelled: 1, seen.append), rest_s=60)
        >>> lane.hurry()
        >>> work.result()
        >>> seen
        [1]
        """
        with self._changed:
            self._rested = self._generation
            self._changed.notify_all()

    def end(self) -> None:
        """Cancel all work and end the thread; later work starts another thread.

        Examples
        --------
        >>> lane = BackgroundWorker(failed=print)
        >>> work = lane.submit((lambda void: None, print), rest_s=60)
        >>> lane.end()
        >>> work.done()
        True
        """
        self.cancel()
        if "_executor" in vars(self) and not self._given:
            vars(self).pop("_executor").shutdown()

    def submit(
        self,
        *jobs: Job,
        rest_s: float = 0.0,
        short: bool = False,
        waits: Callable[[bool], None] = lambda _: None,
    ) -> Future[None]:
        """Run jobs in sequence in the background, until newer jobs are submitted.

        Parameters
        ----------
        jobs
            Pairs ``(work, done)``. ``work(is_cancelled)`` does the long computation. It should call
            ``is_cancelled()`` repeatedly, and raise ``Cancelled`` once that returns True. ``done``
            is called with the result, unless newer jobs were submitted or all were cancelled.
        rest_s
            Seconds without newer jobs before the start.
        short
            Whether the jobs are fast enough for a slider; then they need none of the host's slots.
        waits
            Called with True if all of the host's slots are taken, and with False once one is free.

        Returns
        -------
        concurrent.futures.Future
            Future that is done when the jobs have ended or were cancelled.
        """
        mine = self.cancel()

        def is_cancelled() -> bool:
            return self._generation != mine

        def pause(seconds: float) -> bool:
            with self._changed:
                return self._changed.wait_for(is_cancelled, seconds)

        def rest() -> None:
            with self._changed:
                self._changed.wait_for(lambda: is_cancelled() or self._rested == mine, rest_s)

        def on_progress(waiting: bool) -> None:
            with self._changed:
                if not is_cancelled():
                    waits(waiting)

        def run() -> None:
            rest()
            slot = Slot()
            try:
                for work, done in jobs:
                    free = short or work is no_work or slot.acquire(pause, on_progress)
                    if not (free and self._do(work, done, is_cancelled)):
                        return
            finally:
                slot.release()

        self.newest = self._executor.submit(run)
        return self.newest

    def publish(self, work: Callable[[ProgressCallback], Any], show: ProgressCallback) -> Work:
        """Wrap work that reports progress: show the progress, and end it once cancelled.

        A report that comes while the lock is held elsewhere is not shown: the work may hold what
        the lock's holder waits for.

        Examples
        --------
        >>> lane, seen = BackgroundWorker(failed=print), []
        >>> work = lane.publish(lambda on_progress: on_progress(Progress(0.5, "half")), seen.append)
        >>> lane.submit((work, print)).result()
        None
        >>> seen[0].stage
        'half'
        """

        def run(is_cancelled: Callable[[], bool]) -> Any:
            def on_progress(progress: Progress) -> None:
                held = self._changed.acquire(blocking=False)
                try:
                    if is_cancelled():
                        raise Cancelled
                    if held:
                        show(progress)
                finally:
                    if held:
                        self._changed.release()

            return work(on_progress)

        return run

    def _do(
        self, work: Work, done: Callable[[Any], None], is_cancelled: Callable[[], bool]
    ) -> bool:
        """Run one job; return False if it was cancelled, which ends the jobs after it too."""
        if is_cancelled():
            return False
        try:
            result = work(is_cancelled)
        except Cancelled:
            return False
        except Exception as error:  # noqa: BLE001 (passed to ``failed``)
            if self._is_closing():
                return False
            result, done = error, self._failed
        with self._changed:
            if not is_cancelled():
                done(result)
        return not is_cancelled()

    def _is_closing(self) -> bool:
        """Return whether Python is shutting down: the executor then refuses any work."""
        try:
            self._executor.submit(int)
        except RuntimeError:
            return True
        return False
