"""Autoplay of the sparsity slider: from 0 to 99 %, or until the cliff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ipywidgets import Dropdown, HBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.classroom.page_events import PageEvents
from optiwidgets.widgets.controls.recipe_controls import Controls

SPEEDS = {
    mark("slow"): 500,
    mark("normal"): 120,
    mark("fast"): 0,
}  # display time of each step, in ms
CALM_STEP, CALM_MS = 20, 1500  # for reduced motion: few large steps
LAST = 99  # %
GRIP_S = 3  # an interrupted search's message stays while the slider is dragged on
RULE = mark(
    "Stops at the first sparsity whose paired drop is above the policy's limit with "
    "its whole 95 % interval. Not the verdict: speed is not measured at every step."
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
        self.play = GatedButton(text("Play"), text("Sparsity from 0 to 99 %"))
        self.speed = Dropdown(options=[(text(name), name) for name in SPEEDS], value="normal")
        self.speed.add_class("ow-speed-of-play")
        self.speed.tooltip = text("Speed of Play")
        self.cliff = GatedButton(text("Find my cliff"), text(RULE))
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
            looking = text("Looking for the cliff: a {rule}.", rule=self.rule())
            self._say(looking, text("Moving up from 0 %."))

    def stop(self, said: str = "", *, found: bool = False) -> None:
        """Stop autoplay at the slider's position, and replace the message by ``said``.

        ``found`` tells that a search has ended with this sentence.
        """
        self.found = found
        self._seeking, self._stopped_s = False, -GRIP_S
        self.stage.playing = False
        if said or self.said:
            self._say(said, text("Stopped at {at} %.", at=self._at) if said else "")

    def beat(self) -> None:
        """Take the next step if all images of the last one are evaluated and displayed."""
        if not (self.playing and self.session.is_whole):
            return
        at = self.controls.sparsity.value
        if self._seeking and self._is_over():
            self._turned(at)
        elif at >= LAST:
            none = text("No cliff up to {last} %: no {rule}.", last=LAST, rule=self.rule())
            self.stop(none if self._seeking else "", found=self._seeking)
        else:
            self._step_to(min(at + self._stride, LAST))

    def rule(self) -> str:
        """Describe in words when a drop counts as a cliff.

        Examples
        --------
        >>> Autoplay(Session(), Controls(), PageEvents(), lambda: Policy.MEDICAL).rule()
        'drop surely above 1 point'
        """
        return text("drop surely above {points}", points=_points(self._policy().limit_points))

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
            text(
                "Cliff at {at} %: there the model surely loses more than {points} "
                "({low} to {high}).",
                at=at,
                points=_points(limit),
                low=_above(drop.low, limit),
                high=_above(drop.high, limit),
            ),
            found=True,
        )

    def _begin(self, seeking: bool, at: int | None) -> None:
        if self.controls.sparsity.disabled:
            said = text("Play moves the sparsity slider, and that stands still here.")
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
            self.stop(text("Stopped at {at} %: no cliff yet.", at=self._at))
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
        self.play.description = text("Pause") if playing else text("Play")
        self.cliff.waits = text("The slider is moving: Pause first.") if playing else ""


def _points(limit: float) -> str:
    return text(mark("{limit:g} point") if limit == 1 else mark("{limit:g} points"), limit=limit)


def _above(value: float, limit: float) -> str:
    """Format a value above the limit with as few decimals as show that it is above."""
    return next((t for n in (1, 2, 3) if float(t := f"{value:.{n}f}") > limit), f"{value:g}")
