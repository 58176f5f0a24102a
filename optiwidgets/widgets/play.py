"""Sparsity that moves by itself: from 0 to 99 %, or until the cliff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ipywidgets import Button, Dropdown, HBox

from optiwidgets.engine.verdict import Policy
from optiwidgets.session import Session
from optiwidgets.widgets.controls import Controls
from optiwidgets.widgets.stage import Stage

SPEEDS = {"slow": 500, "normal": 120, "fast": 0}  # how long each picture stands, in ms
CALM_STEP, CALM_MS = 20, 1500  # for eyes that want little motion: few large steps
LAST = 99  # %


class Player(HBox):
    """Moves the sparsity slider step by step, each one only after the last picture was shown.

    Parameters
    ----------
    session, controls
        What is moved, and what says how it came out.
    stage
        Beats once a picture is on the screen.
    policy
        Gives the policy of the moment: its limit is where the cliff is.

    Examples
    --------
    >>> session, controls, stage = Session(), Controls(), Stage()
    >>> def ask(change):
    ...     session.recipe = controls.recipe()
    >>> controls.sparsity.observe(ask, "value")
    >>> player = Player(session, controls, stage, lambda: Policy.MOBILE)
    >>> player.play.click()
    >>> stage.beat += 1
    >>> session.recipe.sparsity
    0.01
    """

    def __init__(
        self,
        session: Session,
        controls: Controls,
        stage: Stage,
        policy: Callable[[], Policy],
    ) -> None:
        self.session, self.controls, self.stage, self._policy = session, controls, stage, policy
        self.play = Button(description="Play", tooltip="Sparsity from 0 to 99 %")
        self.speed = Dropdown(options=list(SPEEDS), value="normal").add_class("ow-speed-of-play")
        self.speed.tooltip = "Speed of Play"
        self.cliff = Button(description="Find my cliff")
        self.cliff.tooltip = "First sparsity whose drop is surely above the policy's limit"
        self.said = ""
        self.tell: Callable[[], None] = lambda: None  # called when there is something new to say
        self._seeking, self._stepping, self._stride = False, False, 1
        super().__init__([self.play, self.speed, self.cliff])
        self.add_class("ow-play")
        self._listen()

    def _listen(self) -> None:
        self.play.on_click(lambda _: self.stop() if self.playing else self.start())
        self.cliff.on_click(lambda _: self.stop() if self.playing else self.seek())
        self.speed.observe(lambda _: self._set_pace(), "value")
        self.stage.observe(lambda _: self._set_pace(), "calm")
        self.stage.observe(lambda _: self.beat(), "beat")
        self.stage.observe(lambda _: self._dress(), "playing")
        self.session.observe(lambda _: self.stop(), ["experiment"])
        self.session.observe(self._failed, "error")
        for handle in self.controls.handles:
            handle.observe(self._moved, "value")
        self._set_pace()

    @property
    def playing(self) -> bool:
        """Whether the slider moves by itself."""
        return self.stage.playing

    def start(self) -> None:
        """Go on from where the slider stands; from the end, begin anew."""
        self._begin(seeking=False, at=None if self.controls.sparsity.value < LAST else 0)

    def seek(self) -> None:
        """From 0 % on, look for the first sparsity beyond the cliff."""
        self._begin(seeking=True, at=0)
        if self.playing:
            self._say(f"Looking for the cliff: {self.rule()}.")

    def stop(self, said: str = "") -> None:
        """Let the slider stand where it is."""
        self.stage.playing = False
        if said or self.said:
            self._say(said)

    def beat(self) -> None:
        """Take the next step, if what is shown answers the last one with all images."""
        if not (self.playing and is_whole(self.session)):
            return
        at = self.controls.sparsity.value
        if self._seeking and self._is_over():
            self._turned(at)
        elif at >= LAST:
            self.stop(f"No cliff up to {LAST} %: {self.rule()}." if self._seeking else "")
        else:
            self._step_to(min(at + self._stride, LAST))

    def rule(self) -> str:
        """Where a cliff is, in words.

        Examples
        --------
        >>> Player(Session(), Controls(), Stage(), lambda: Policy.MEDICAL).rule()
        'the first sparsity whose drop is above 1 point with its whole 95 % interval'
        """
        limit = self._policy().limit_points
        points = f"{limit:g} point{'' if limit == 1 else 's'}"
        return f"the first sparsity whose drop is above {points} with its whole 95 % interval"

    def _is_over(self) -> bool:
        drop = self.session.report.drop_from(self.session.baseline)
        return drop.low > self._policy().limit_points

    def _turned(self, at: int) -> None:
        """Over the cliff: after large steps go back and take the last one in small ones."""
        if self._stride > 1 and at > 0:
            back, self._stride = max(at - self._stride, 0) + 1, 1
            self._step_to(back)
            return
        drop = self.session.report.drop_from(self.session.baseline)
        self.stop(
            f"Cliff at {at} %: drop {drop.points:.1f} points, 95 % between {drop.low:.1f} and "
            f"{drop.high:.1f}: the first wholly above {self._policy().limit_points:g}."
        )

    def _begin(self, seeking: bool, at: int | None) -> None:
        if self.controls.sparsity.disabled:
            self._say("Play moves the sparsity slider, and that stands still here.")
            return
        self._seeking = seeking
        self._stride = CALM_STEP if self.stage.calm else 1
        self._say("")
        if at is not None:
            self._step_to(at)
        self.stage.playing = True

    def _step_to(self, at: int) -> None:
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
        """A hand that takes a handle has it."""
        if not self._stepping and not self.controls.following:
            self.stop()

    def _failed(self, change: Any) -> None:
        if change.new:
            self.stop()

    def _set_pace(self) -> None:
        self.stage.pause_ms = CALM_MS if self.stage.calm else SPEEDS[self.speed.value]

    def _say(self, said: str) -> None:
        self.said = said
        self.tell()

    def _dress(self) -> None:
        playing = self.playing
        self.play.description = "Pause" if playing else "Play"
        self.cliff.disabled = playing


def is_whole(session: Session) -> bool:
    """Tell whether the report answers what is asked, with all of the images.

    Examples
    --------
    >>> is_whole(Session())
    True
    """
    report, recipe = session.report, session.recipe
    whole = len(report.labels) == len(session.baseline.labels)
    return whole and not session.stale and not session.busy and report.recipe == recipe
