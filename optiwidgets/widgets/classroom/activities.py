"""Activities for a class: a hidden recipe, a covered verdict, a predicted accuracy."""

from __future__ import annotations

from html import escape
from random import SystemRandom
from typing import Any

from ipywidgets import HTML, BoundedIntText, Dropdown, HBox, Text

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.base.panel import Feed, View
from optiwidgets.widgets.base.positions import differ
from optiwidgets.widgets.classroom.covered_payload import (
    covered_verdict,
    without_recipe,
)
from optiwidgets.widgets.classroom.hidden_recipe import SEEDS, hide, told
from optiwidgets.widgets.classroom.host import ActivityHost
from optiwidgets.widgets.classroom.prediction import Guess, read, tally
from optiwidgets.widgets.panels.report_panels import Matrices

COVER_PICTURE, COVER_CARDS = "ow-cover-picture", "ow-cover-cards"
NONE, SURPRISE, PREDICT, BLIND = "", "surprise", "predict", "blind"
SAID = {
    NONE: mark(
        "Surprise me: guess a hidden recipe from its matrix. Predict: say the "
        "accuracy before you see it. Blind vote: the verdict stays covered until "
        "the class has voted."
    ),
    PREDICT: mark("Move a handle: what comes stays covered until you have committed the accuracy."),
    BLIND: mark(
        "The verdict is covered. Vote good, borderline, bad or cannot tell; then "
        "Uncover, or the key V."
    ),
}
QUESTION = mark("Covered: what accuracy will it show, in percent? Commit uncovers it.")
HIDDEN = mark(
    "Seed {seed}: a hidden recipe of sparsity and bit-width made the optimized "
    "matrix, all else as usual. The handles do not drive it and stand still. Guess, "
    "then Reveal: 100 less 2 a point of sparsity, less 10 a step of bit-width."
)


class Activities(View):
    """Tab "Class": one activity at a time, above the matrices.

    Parameters
    ----------
    session, feed
        Session of the explorer, and its feed.
    host
        Page whose numbers are covered and whose controls are disabled during an activity.

    Examples
    --------
    >>> from optiwidgets.widgets.explorer.explorer import Explorer
    >>> activities = Explorer().classroom.activities
    >>> activities.start_surprise(7)
    >>> activities.running
    'surprise'
    >>> activities.stop.click()
    >>> activities.running
    ''
    """

    def __init__(self, session: Session, feed: Feed, host: ActivityHost) -> None:
        self.session, self.host = session, host
        self.running = NONE
        self.guesses: list[Guess] = []
        self._hidden: Report | None = None
        self._covered = False  # the matrices and numbers, or the verdict
        self._committed: float | None = None
        self._at_click: tuple[str, str] | None = None  # text and positions that the page showed
        self._early: tuple[str, str] | None = None  # a commit that overtook a change of controls
        self.guess: float | None = None  # for the displayed report
        self._seen: Recipe = self.session.recipe
        self.seed = BoundedIntText(SystemRandom().randrange(SEEDS), min=0, max=SEEDS - 1)
        self.seed.description = text("Seed")
        self._make_buttons()
        self.said, self.marker = HTML(), HTML()
        self._say(text(SAID[NONE]))
        self.secret = Feed()  # without data until a recipe is hidden
        self.matrices, self.hidden = Matrices(feed=feed), Matrices(feed=self.secret)
        self._rows = self._make_rows()
        super().__init__([*self._rows, self.matrices, self.hidden])
        self.add_class("ow-class")
        self._listen()
        self._ask_for(NONE)
        self._gate()

    def _make_buttons(self) -> None:
        self.surprise = GatedButton(text("Surprise me"), text("A hidden recipe, by its seed"))
        self.predict = GatedButton(text("Predict"), text("Commit a number, then see"))
        self.blind = GatedButton(text("Blind vote"), text("The verdict stays covered"))
        self.stop = GatedButton(text("Stop"), text("Leave the activity"))
        self.sparsity = BoundedIntText(50, min=0, max=99, description=text("Sparsity, %"))
        self.bits = Dropdown(options=BIT_WIDTHS, value=8, description=text("Bit-width"))
        self.reveal = GatedButton(text("Reveal"), text("Names the hidden recipe"))
        self.accuracy = Text(description=text("Accuracy, %"), placeholder=text("0 to 100"))
        self.accuracy.add_class("ow-guess")
        self.commit = GatedButton(text("Commit"), text("Uncovers the accuracy")).add_class(
            "ow-commit"
        )
        self.uncover = GatedButton(text("Uncover"), text("Key V")).add_class("ow-uncover")
        self._asked = {
            SURPRISE: (self.sparsity, self.bits, self.reveal),
            PREDICT: (self.accuracy, self.commit),
            BLIND: (self.uncover,),
        }

    def _make_rows(self) -> tuple[HBox, ...]:
        chosen = HBox([self.surprise, self.seed, self.predict, self.blind, self.stop])
        given = HBox([widget for asked in self._asked.values() for widget in asked])
        rows = (chosen, self.said, given, self.marker)
        return tuple(row.add_class("ow-class-row") for row in rows)

    def _listen(self) -> None:
        self.surprise.on_click(lambda _: self.start_surprise(self.seed.value))
        self.predict.on_click(lambda _: self.start(PREDICT))
        self.blind.on_click(lambda _: self.start(BLIND))
        self.stop.on_click(lambda _: self.leave())
        self.reveal.on_click(lambda _: self._reveal())
        self.commit.on_click(lambda _: self._commit())
        self.accuracy.on_msg(self._entered)
        self.uncover.on_click(lambda _: self._uncover())
        self.observe(lambda _: self.arrange(), "looked_at")
        self.session.observe(lambda _: self._changes(), ["busy", "recipe"])
        self.session.observe(lambda _: self._other_model(), "experiment")
        self.session.on_report(self._open)

    @property
    def hiding(self) -> bool:
        """True while a recipe is hidden."""
        return self._hidden is not None

    @property
    def covers(self) -> bool:
        """True while the picture or the verdict is covered."""
        return self._covered

    @property
    def covers_picture(self) -> bool:
        """True while the matrices and numbers must stay covered."""
        return self._covered and self.running == PREDICT

    def arrange(self) -> None:
        """Add matrices only while the tab is open: hidden ones cost as much to draw."""
        shown = self.hidden if self.running == SURPRISE else self.matrices
        self.children = (*self._rows, *([shown] if self.looked_at else []))

    def start_surprise(self, seed: int) -> None:
        """Hide the recipe of a seed, 0 to 999999; one seed gives one recipe for one model."""
        if self._hidden is None and self.running == SURPRISE and self.seed.value == seed:
            seed = (seed + 1) % SEEDS  # the class knows that one
        hidden = hide(seed, self.session.experiment.run)
        self.secret.data = without_recipe(self.session.baseline, hidden)
        self.start(SURPRISE)
        self.seed.value, self._hidden = seed, hidden
        self.host.linked["surprise"] = seed
        self._say(text(HIDDEN, seed=seed))
        self._dress()
        self.host.repaint()

    def start(self, activity: str) -> None:
        """Start "surprise", "predict" or "blind", and end the running activity."""
        self.leave()
        self.running, self._seen, self.guess = activity, self.session.recipe, None
        self._covered = activity == BLIND
        self._say(text(SAID.get(activity, "")))
        self._dress()
        if activity == BLIND:
            self.host.repaint()

    def end(self) -> None:
        """End the activity and forget the guess."""
        self.guess = None
        self.leave()

    def leave(self) -> None:
        """End the activity: uncover everything and enable the controls."""
        if self.running == NONE:
            return
        self.running, self._covered, self._committed, self._hidden = NONE, False, None, None
        self._at_click = self._early = None
        self.guesses, self.marker.value = [], ""
        self.host.linked.pop("surprise", None)
        self._say(text(SAID[NONE]))
        self._dress()
        self.host.repaint()

    def cover(self, data: dict[str, Any]) -> dict[str, Any]:
        """Remove covered numbers from the feed: during a blind vote, the verdict."""
        data = data | {"covered": self._covered or self.hiding, "guess": self.guess}
        if self.running == BLIND and self._covered:
            return data | {"verdict": data["verdict"] | covered_verdict()}
        return data

    def _changes(self) -> None:
        """Cover the page before the new report is drawn."""
        if self.session.recipe == self._seen:
            return
        self._seen, self.guess = self.session.recipe, None
        if self.running in (PREDICT, BLIND):
            self._cover()
            if self._early and not differ(self._early[1], self.host.positions()):
                (given, _), self._early = self._early, None
                self._take(given)

    def _cover(self, why: str = "") -> None:
        """Cover the page and ask for a new guess or vote."""
        self._committed, self._covered, self.marker.value = None, True, ""
        self.guess, self.accuracy.value = None, ""
        self._say(why + text(SAID[BLIND] if self.running == BLIND else QUESTION))
        self._dress()

    def _other_model(self) -> None:
        """Reset for a new model: an earlier vote or guess uncovers nothing."""
        self.guess = None
        if self.running in (PREDICT, BLIND):
            self._cover(text("This is another model, and a new question.") + " ")
        else:
            self.leave()

    def other_policy(self) -> None:
        """Cover the verdict again, because the policy changed."""
        if self.running == BLIND:
            self._cover()

    def adopt(self, widget: Any, content: Any, buffers: Any) -> None:
        """Take over the guess and the positions that the page showed at a click on Commit."""
        if content.get("event") == "guess":
            self._at_click = str(content.get("text", "")), str(content.get("positions", ""))

    def _commit(self) -> None:
        """Commit the guess, or keep it until the recipe arrives that the page showed with it."""
        shown, self._at_click = self._at_click or (self.accuracy.value, ""), None
        if self.running == PREDICT and differ(shown[1], self.host.positions()):
            self._early = shown
        else:
            self._take(shown[0])

    def _take(self, given: str) -> None:
        if not self.covers_picture:
            return
        self.accuracy.value = given
        try:
            self._committed = read(given)
        except ValueError as error:
            self._say(str(error))
            self.host.refuse(str(error))
            return
        self._say(text("Committed. It is uncovered once all images are in."))
        self._open()

    def _entered(self, widget: Any, content: Any, buffers: Any) -> None:
        """Commit the number when Enter is pressed in the field."""
        if isinstance(content, dict) and content.get("event") == "submit":
            self._commit()

    def _open(self) -> None:
        """Uncover the report after a guess, once all images are evaluated."""
        guess = self._committed
        if guess is None or not (self._covered and self.session.is_whole):
            return
        self._covered, self._committed, self.guess = False, None, guess
        accuracy = 100 * self.session.report.metric
        self.guesses = [*self.guesses, Guess(guess, accuracy)]
        self.marker.value = self.guesses[-1].marker
        self._say(f"{self.guesses[-1].words} {tally(self.guesses)}")
        self._dress()
        self.host.repaint()

    def _uncover(self) -> None:
        if self.running == BLIND and self._covered:
            self._covered = False
            self._say(text("Uncovered. Move a handle for the next vote."))
            self._dress()
            self.host.repaint()

    def _reveal(self) -> None:
        """Name the hidden recipe and move the controls to it."""
        if self._hidden is None:
            return
        recipe, self._hidden = self._hidden.recipe, None
        self._say(told(recipe, self.sparsity.value, self.bits.value))
        self._dress()
        self.session.ask(recipe)

    def _ask_for(self, running: str) -> None:
        for activity, asked in self._asked.items():
            for widget in asked:
                widget.layout.display = None if activity == running else "none"

    def _say(self, said: str) -> None:
        self.said.value = f'<p role="status">{escape(said)}</p>'

    def _dress(self) -> None:
        """Show, cover and lock the widgets that the activity needs."""
        hiding = self.hiding
        self._ask_for(self.running)
        self.host.mark("ow-asks", self.running in (PREDICT, BLIND))
        self._gate()
        self.host.mark(COVER_PICTURE, self.running == PREDICT and self._covered)
        self.host.mark(COVER_CARDS, hiding)
        self.host.lock(hiding)
        self.arrange()

    def _gate(self) -> None:
        """Enable the buttons that have something to do, and give the others their reasons."""
        self.stop.waits = "" if self.running else text("No activity is running.")
        self.reveal.waits = "" if self.hiding else text("No recipe is hidden: Surprise me again.")
        uncovered = "" if self._covered else text("Nothing is covered: move a handle first.")
        self.commit.waits = self.uncover.waits = uncovered
