"""Autoplay of the sparsity slider: from 0 to 99 %, or until the cliff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ipywidgets import Button, Dropdown, HBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.session.session import Session
from optiwidgets.widgets.classroom.page_events import PageEvents
from optiwidgets.widgets.controls.recipe_controls import Controls

SPEEDS = {"slow": 500, "normal": 120, "fast": 0}  # display time of each step, in ms
CALM_STEP, CALM_MS = 20, 1500  # for reduced motion: few large steps
LAST = 99  # %
GRIP_S = 3  # an interrupted search's message stays while the slider is dragged on
RULE = (
    "Stops at the first sparsity whose paired drop is above the policy's limit with its whole 95 % "
    "interval. Not the verdict: speed is not measured at every step."
)


class Autoplay(HBox):
    """Buttons that move the sparsity slider step by step, each step after the last one was drawn.

    Parameters
    ----------
    session, controls
        Session that gives the reports, and controls whose sparsity slider is moved.
    stage
        Page events; ``beat`` counts up once a report is on the screen.
    policy
        Returns the current policy; the cliff is where the drop is above its limit.

    Examples
    --------
    >>> session, controls, stage = Session(), Controls(), PageEvents()
    >>> def ask(change):
    ...     session.recipe = controls.recipe()
    >>> controls.sparsity.observe(ask, "value")
    >>> player = Autoplay(session, controls, stage, lambda: Policy.MOBILE)
    >>> player.play.click()
    >>> stage.beat += 1
    >>> session.recipe.sparsity
    0.01
    """

    def __init__(
        self,
        session: Session,
        controls: Controls,
        stage: PageEvents,
        policy: Callable[[], Policy],
    ) -> None:
        self.session, self.controls, self.stage, self._policy = session, controls, stage, policy
        self.play = Button(description="Play", tooltip="Sparsity from 0 to 99 %")
        self.speed = Dropdown(options=list(SPEEDS), value="normal").add_class("ow-speed-of-play")
        self.speed.tooltip = "Speed of Play"
        self.cliff = Button(description="Find my cliff")
        self.cliff.tooltip = RULE
        self.said = self.safe = ""  # full message; message without covered numbers
        self.found = False  # the message is the result of a search
        self.on_progress: Callable[[], None] = lambda: None  # called when there is a new message
        self._seeking, self._stepping, self._stride = False, False, 1
        self._at = 0
        self._stopped_s = -float(GRIP_S)
        super().__init__([self.play, self.speed, self.cliff])
        self.add_class("ow-play")
        self._listen()

    def _listen(self) -> None:
        self.play.on_click(lambda _: self._halt() if self.playing else self.start())
        self.cliff.on_click(lambda _: self._halt() if self.playing else self.seek())
        self.speed.observe(lambda _: self._set_pace(), "value")
        self.stage.observe(lambda _: self._set_pace(), "calm")
        self.stage.observe(lambda _: self.beat(), "beat")
        self.stage.observe(lambda _: self._turned_on_or_off(), "playing")
        self.session.observe(lambda _: self.stop(), ["experiment"])
        self.session.observe(self._failed, "error")
        for handle in self.controls.handles:
            handle.observe(self._moved, "value")
        self._set_pace()

    @property
    def playing(self) -> bool:
        """True while autoplay moves the slider."""
        return self.stage.playing

    def start(self) -> None:
        """Continue from the slider's position, or from 0 % if it is at the end."""
        self._begin(seeking=False, at=None if self.controls.sparsity.value < LAST else 0)

    def seek(self) -> None:
        """Search for the first sparsity beyond the cliff, from 0 % on."""
        self._begin(seeking=True, at=0)
        if self.playing:
            self._say(f"Looking for the cliff: a {self.rule()}.", "Moving up from 0 %.")

    def stop(self, said: str = "", *, found: bool = False) -> None:
        """Stop autoplay at the slider's position, and replace the message by ``said``.

        ``found`` tells that a search has ended with this sentence.
        """
        self.found = found
        self._seeking, self._stopped_s = False, -GRIP_S
        self.stage.playing = False
        if said or self.said:
            self._say(said, f"Stopped at {self._at} %." if said else "")

    def beat(self) -> None:
        """Take the next step if all images of the last one are evaluated and displayed."""
        if not (self.playing and self.session.is_whole):
            return
        at = self.controls.sparsity.value
        if self._seeking and self._is_over():
            self._turned(at)
        elif at >= LAST:
            said = f"No cliff up to {LAST} %: no {self.rule()}." if self._seeking else ""
            self.stop(said, found=self._seeking)
        else:
            self._step_to(min(at + self._stride, LAST))

    def rule(self) -> str:
        """Describe in words when a drop counts as a cliff.

        Examples
        --------
        >>> Autoplay(Session(), Controls(), PageEvents(), lambda: Policy.MEDICAL).rule()
        'drop surely above 1 point'
        """
        return f"drop surely above {_points(self._policy().limit_points)}"

    def _is_over(self) -> bool:
        drop = self.session.report.drop_from(self.session.baseline)
        return drop.low > self._policy().limit_points

    def _turned(self, at: int) -> None:
        """Report the cliff; after a large step, go back and repeat it in steps of 1 %."""
        if self._stride > 1 and at > 0:
            back, self._stride = max(at - self._stride, 0) + 1, 1
            self._step_to(back)
            return
        drop, limit = (
            self.session.report.drop_from(self.session.baseline),
            self._policy().limit_points,
        )
        self.stop(
            f"Cliff at {at} %: there the model surely loses more than {_points(limit)} "
            f"({_above(drop.low, limit)} to {_above(drop.high, limit)}).",
            found=True,
        )

    def _begin(self, seeking: bool, at: int | None) -> None:
        if self.controls.sparsity.disabled:
            said = "Play moves the sparsity slider, and that stands still here."
            self._say(said, said)
            return
        self._seeking, self.found = seeking, False
        self._stride = CALM_STEP if self.stage.calm else 1
        self._say("")
        if at is not None:
            self._step_to(at)
        self.stage.playing = True

    def _step_to(self, at: int) -> None:
        self._at = at
        with self._own_step():
            self.controls.sparsity.value = at

    @contextmanager
    def _own_step(self) -> Iterator[None]:
        self._stepping = True
        try:
            yield
        finally:
            self._stepping = False

    def _moved(self, change: Any) -> None:
        """Stop autoplay when a user moves a control."""
        if self._stepping or self.controls.adjusting:
            return
        if self._seeking and self.playing:
            self._halt()
        elif self.playing or monotonic() - self._stopped_s > GRIP_S:
            self.stop()

    def _halt(self) -> None:
        """Stop on request; a search reports how far it came."""
        if self._seeking:
            self.stop(f"Stopped at {self._at} %: no cliff yet.")
            self._stopped_s = monotonic()
        else:
            self.stop()

    def _turned_on_or_off(self) -> None:
        self._dress()
        if self._seeking and not self.playing:  # ended by the page: a user took the slider
            self._halt()

    def _failed(self, change: Any) -> None:
        if change.new:
            self.stop()

    def _set_pace(self) -> None:
        self.stage.pause_ms = CALM_MS if self.stage.calm else SPEEDS[self.speed.value]

    def _say(self, said: str, safe: str = "") -> None:
        self.said, self.safe = said, safe
        self.on_progress()

    def _dress(self) -> None:
        playing = self.playing
        self.play.description = "Pause" if playing else "Play"
        self.cliff.disabled = playing


def _points(limit: float) -> str:
    return f"{limit:g} point{'' if limit == 1 else 's'}"


def _above(value: float, limit: float) -> str:
    """Format a value above the limit with as few decimals as show that it is above."""
    return next((t for n in (1, 2, 3) if float(t := f"{value:.{n}f}") > limit), f"{value:g}")
