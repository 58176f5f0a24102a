"""Page object of the explorer: access by names, roles, mouse and keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, TimeoutError
from witness import Witness

STEPS = {"Sparsity": 99, "Bit-width": 9}  # highest positions of the handles
SHOWS = """(wanted) => {
  const { owState, owRecipe } = document.querySelector(".ow-explorer")?.dataset ?? {};
  const shown = owRecipe && JSON.parse(owRecipe);
  return owState === "fresh" && Object.keys(wanted).every((name) => shown[name] === wanted[name]);
}"""
LABELS = "(nodes) => nodes.map((node) => node.getAttribute('aria-label'))"


class ExplorerPage:
    """Open explorer; all its values are read from the page alone."""

    def __init__(self, page: Page, witness: Witness, place: int | None = None) -> None:
        self.page, self.witness = page, witness
        roots = page.locator(".ow-explorer")
        self.root = roots if place is None else roots.nth(place)

    def wait_for(self, **recipe: Any) -> None:
        """Wait until the displayed report belongs to the controls' recipe and has these fields."""
        try:
            self.page.wait_for_function(SHOWS, arg=recipe)
        except TimeoutError as error:
            message = self.root.locator(".ow-message, [role=alert]").all_inner_texts()
            shown = f"{self.state()} {self.recipe()} {message}"
            raise AssertionError(f"waited for {recipe}, the page shows {shown}") from error

    def start_over(self) -> None:
        """Restore the Confusion tab of the untouched small model."""
        self.root.get_by_role("tab", name="Confusion").click()
        self.open_controls()
        self.case.select_option("digits")
        self.model.select_option("small")
        self.policy.select_option("mobile app")
        self.choose("Training", "fine-tune")
        self.button("Reset").click()
        self.wait_for(sparsity=0, bits=32, pruning="global", score="magnitude", recovery="none")
        self.page.mouse.move(0, 0)

    @property
    def model(self) -> Locator:
        return self.dropdown("Model")

    @property
    def case(self) -> Locator:
        return self.dropdown("Case")

    @property
    def policy(self) -> Locator:
        return self.dropdown("Policy")

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=name)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def choice(self, question: str) -> Locator:
        return self.root.get_by_role("group", name=question)

    def dropdown(self, question: str) -> Locator:
        return self.root.get_by_role("combobox", name=question)

    def heading(self, group: str) -> Locator:
        """Return the button that folds a group of controls."""
        return self.root.locator(".ow-fold").get_by_role("button", name=group)

    def open_controls(self) -> None:
        """Open all groups of controls that are folded."""
        for button in self.root.locator(".ow-fold button:visible").all():
            if button.get_attribute("aria-expanded") == "false":
                button.click()

    def choose(self, question: str, answer: str) -> None:
        """Select an option by its button or in its dropdown, in an open group of controls."""
        self.open_controls()
        if self.dropdown(question).count():
            self.dropdown(question).select_option(answer)
        else:
            self.choice(question).get_by_role("button", name=answer, exact=True).click()

    def position(self, name: str) -> int:
        return round(float(self.slider(name).get_attribute("aria-valuenow") or "nan"))

    def drag(self, name: str, *stops: int, meanwhile: Callable[[int], None] | None = None) -> None:
        """Drag a handle with the mouse to several positions in turn, then release it.

        ``meanwhile`` is called at each position with the button still down.
        """
        handle = self.slider(name).bounding_box()
        assert handle
        mouse = self.page.mouse
        mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
        mouse.down()
        for stop in stops:
            mouse.move(*self._place(name, stop), steps=20)
            if meanwhile:
                meanwhile(stop)
        mouse.up()

    def _place(self, name: str, position: int) -> tuple[float, float]:
        rail = self.slider(name).locator("xpath=../..").bounding_box()
        assert rail
        share = position / STEPS[name]
        return rail["x"] + share * rail["width"], rail["y"] + rail["height"] / 2

    def set(self, name: str, position: int) -> None:
        """Drag a handle to a position; correct a miss of one step with an arrow key."""
        self.drag(name, position)
        self.nudge(name, position)

    def nudge(self, name: str, position: int) -> None:
        missing = position - self.position(name)
        for _ in range(abs(missing)):
            self.slider(name).press("ArrowRight" if missing > 0 else "ArrowLeft")

    @property
    def line(self) -> Locator:
        """Message line; its role is alert only for errors."""
        return self.root.locator(".ow-message")

    def message(self) -> str:
        """Text of the message line, if it is visible and nothing covers it."""
        line = self.line
        seen = line.evaluate(
            "(node) => { const { x, y, width, height } = node.getBoundingClientRect();"
            " return node.contains(document.elementFromPoint(x + width / 2, y + height / 2)); }"
        )
        return line.inner_text() if seen else ""

    def recipe(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.root.get_attribute("data-ow-recipe") or "{}")
        return shown

    def state(self) -> str | None:
        return self.root.get_attribute("data-ow-state")

    def headline(self, name: str) -> Locator:
        return self.root.locator(f'[data-ow="{name}"]')

    def value(self, name: str) -> float:
        return float(self.headline(name).get_attribute("data-ow-value") or "nan")

    def cells(self, grid: str) -> Locator:
        return self.root.get_by_role("grid", name=grid).get_by_role("gridcell")

    def grid(self, name: str) -> list[str]:
        """Accessible names of a matrix, cell by cell."""
        labels: list[str] = self.cells(name).evaluate_all(LABELS)
        return labels

    def rows(self, title: str) -> list[str]:
        """Accessible names of a chart, class by class."""
        items = self.root.get_by_role("list", name=title).get_by_role("listitem")
        labels: list[str] = items.evaluate_all(LABELS)
        return labels

    def bytes_spent(self) -> list[str]:
        return self.root.locator(".ow-bytes").get_by_role("listitem").all_inner_texts()
