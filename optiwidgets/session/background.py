"""Background worker: one thread; newer jobs cancel older ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cached_property
from threading import Condition, RLock
from typing import Any

from optiwidgets.engine.execution.progress import Cancelled, Progress, ProgressCallback
from optiwidgets.session.machine_slots import Slot, lower_priority

Work = Callable[[Callable[[], bool]], Any]
Job = tuple[Work, Callable[[Any], None]]


def no_work(is_cancelled: Callable[[], bool]) -> None:
    """Do nothing: the work of a job that only delivers, which takes no slot."""


class BackgroundWorker:
    """One background thread that only ever finishes the newest work.

    Parameters
    ----------
    failed
        Told the exception when work raised one, unless the work was cancelled by then.
    lock
        Held while results are delivered, so that nothing lands in the middle of something else.
    executor
        Runs the work; by default a thread of its own, made on first use.

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
        self._generation = 0
        self.newest: Future[None] = Future()
        self.newest.set_result(None)
        self._changed = Condition(lock or RLock())

    @cached_property
    def _executor(self) -> Executor:
        return self._given or ThreadPoolExecutor(1, "slow-lane", initializer=lower_priority)

    def cancel(self) -> int:
        """Make all work so far void, and return the number of the work to come."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def end(self) -> None:
        """Give up all work and end the thread; newer work starts another.

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
        """Do jobs one after the other in the background, until something newer comes.

        Parameters
        ----------
        jobs
            Pairs ``(work, done)``. ``work(void)`` does what takes long; it should look at
            ``void()`` now and then, and give up by raising ``Cancelled`` once that is True.
            ``done`` gets what it returned, unless newer work was submitted or all was cancelled.
        rest_s
            Seconds of quiet to wait for before starting.
        short
            It takes no longer than a slider's answer: it needs none of the host's slots.
        waits
            Told True where all of the host's slots are taken, and False once one is free.

        Returns
        -------
        concurrent.futures.Future
            Done when the jobs have ended, or were given up.
        """
        mine = self.cancel()

        def is_cancelled() -> bool:
            return self._generation != mine

        def pause(seconds: float) -> bool:
            with self._changed:
                return self._changed.wait_for(is_cancelled, seconds)

        def on_progress(waiting: bool) -> None:
            with self._changed:
                if not is_cancelled():
                    waits(waiting)

        def run() -> None:
            pause(rest_s)
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
        """Wrap work that reports progress: show its progress, end it once it is cancelled.

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
                with self._changed:
                    if is_cancelled():
                        raise Cancelled
                    show(progress)

            return work(on_progress)

        return run

    def _do(
        self, work: Work, done: Callable[[Any], None], is_cancelled: Callable[[], bool]
    ) -> bool:
        """Do one job; False: it was given up, and with it those after it."""
        if is_cancelled():
            return False
        try:
            result = work(is_cancelled)
        except Cancelled:
            return False
        except Exception as error:  # noqa: BLE001 (handed on)
            if self._is_closing():
                return False
            result, done = error, self._failed
        with self._changed:
            if not is_cancelled():
                done(result)
        return not is_cancelled()

    def _is_closing(self) -> bool:
        """Tell whether Python is on its way out: no pool takes work, and nobody is left to tell."""
        try:
            self._executor.submit(int)
        except RuntimeError:
            return True
        return False
