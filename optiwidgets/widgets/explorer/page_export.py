"""Export of an explorer as a page of one file that needs no kernel and no network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.page_numbers import check_page
from optiwidgets.widgets.explorer import share_link
from optiwidgets.widgets.explorer.notebook_page import NotebookPage, frame_title
from optiwidgets.widgets.pages.explorer_role import PageExplorer, explorer_role, limit_explorer
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_experiment import page_experiment
from optiwidgets.widgets.pages.page_file import page_html
from optiwidgets.widgets.pages.page_module import page_module
from optiwidgets.widgets.pages.page_offer import SLIDERS, PageOffer
from optiwidgets.widgets.pages.page_program import copy_model, write_runtime
from optiwidgets.widgets.pages.page_tasks import content_of, offer_of
from optiwidgets.widgets.pages.python_places import explorer_places


class PageExport(PageExplorer):
    """Base of the explorer: what a page without a kernel needs of it."""

    owns_session = True
    positions: Callable[[], list[int]]
    _syncing = False  # True while controls and recipe are updated together: no request
    arguments: dict[str, Any]  # of the explorer, but its experiment
    offered: PageOffer | None = None  # choices of a page; None for a live explorer

    @property
    def links(self) -> bool:
        """Tell whether a link in the address of the page is opened: not in a lesson."""
        return self.arguments["unlock"] is None and self.arguments["show"] is None

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        sliders_only: bool = False,
        on_progress: ProgressCallback = lambda _: None,
    ) -> None:
        """Write this explorer, with its case and model, as a page that needs no Python.

        The file opens from a disk, without a network. It holds the predictions of all positions of
        the sliders; the first time they are computed, which takes minutes, and then kept on disk.

        Parameters
        ----------
        path
            File to write; an existing one is replaced at once when all is done.
        sliders_only
            Offer the two sliders alone, in a small file.
        on_progress
            Called with the progress; an exception raised by it ends the work.

        Raises
        ------
        ValueError
            The experiment has no page, with the reason: it is neither a classifier nor a detector,
            or has too many classes or boxes. Or the two sliders alone have no position for the
            explorer's recipe.
        OSError
            The file cannot be written.
        """
        target = _checked(path)
        write_atomically(target, self._page_of_twin(sliders_only, on_progress).encode())

    def to_module(
        self,
        path: str | os.PathLike[str],
        *,
        sliders_only: bool = False,
        content: PageContent | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> None:
        """Write the page of `to_html` as a JavaScript module, for MyST and other hosts.

        The module's default export is a front-end module of anywidget, ``{ render }``, which needs
        no model: ``{anywidget} digits.mjs`` in a MyST page shows the explorer, without Python and
        without a network. A number "height" of the model is the height in pixels, by default 900.

        Parameters
        ----------
        path
            File to write, ending with .mjs; an existing one is replaced at once when all is done.
        sliders_only, on_progress
            As of `to_html`.
        content
            Recipes of the page, by default those of its choices.

        Raises
        ------
        ValueError, OSError
            As `to_html`.
        """
        target = _checked(path)
        html = self._page_of_twin(sliders_only, on_progress, content)
        write_atomically(target, page_module(html, frame_title()).encode())

    def to_notebook(
        self,
        *,
        sliders_only: bool = True,
        content: PageContent | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> NotebookPage:
        """Return this explorer as an output of a cell that stays alive in the saved notebook.

        Its sliders work where the notebook is read without a kernel, such as in nbconvert's HTML;
        where scripts are taken out there is a picture. It makes the notebook larger by the page.

        Parameters
        ----------
        sliders_only, on_progress
            As of `to_html`.
        content
            Recipes of the page, by default those of its choices.

        Raises
        ------
        ValueError
            As `to_html`.
        """
        html = self._page_of_twin(sliders_only, on_progress, content)
        shown = self.static_view()
        return NotebookPage(html, shown["text/html"], shown.get("image/png"))

    def _page_of_twin(
        self,
        sliders_only: bool,
        on_progress: ProgressCallback,
        content: PageContent | None = None,
    ) -> str:
        """Return the HTML of a page of this explorer, which goes on unchanged."""
        check_page(self.session.experiment)
        twin = self._twin(SLIDERS if sliders_only else offer_of(self.session.experiment))
        try:
            if sliders_only:
                _check_sliders(self.session.recipe, twin.controls.recipe())
            return twin.page(on_progress, content)
        finally:
            twin.close()

    def _twin(self, offered: PageOffer) -> Self:
        """Make the same explorer for a page; this one goes on unchanged."""
        twin = type(self)(self.session.experiment, **self.arguments)
        twin.session.measures = False
        twin.limit_to_page(offered)
        twin.policy.value = self.policy.value
        twin.controls.show(self.session.recipe)
        return twin

    def page(
        self,
        on_progress: ProgressCallback = lambda _: None,
        content: PageContent | None = None,
        folder: Path | None = None,
    ) -> str:
        """Return the page's HTML; the choices of this explorer are limited to the page's.

        ``content`` are the recipes of the page, by default those of its choices; ``folder`` is that
        of the cache, by default the user's.
        """
        names = (self.session.case, self.session.model)
        [(name, experiment)] = self.page_experiments().items()
        only = self.offered is SLIDERS
        model, reason = (None, "") if only else copy_model(experiment)
        told, blocks = page_experiment(
            experiment,
            content or content_of(experiment, alone=only, runs=model is not None),
            names=names,
            runs=model is not None,
            on_progress=on_progress,
            folder=folder,
        )
        data: dict[str, Any] = {"experiments": {name: told}}
        if model:
            program, weights = write_runtime(model, told)
            data["programs"] = {name: program}
            blocks |= weights
        elif reason:
            data["unported"] = {name: reason}
        title = " · ".join(filter(None, ["OptiWidgets", *names]))
        policy, recipe = self.policy.value.name, self.session.recipe
        query = share_link.spell(*names, policy, recipe)
        places = explorer_places(experiment, *names, query)
        return page_html(title, [self], {name: blocks}, places=places, more=data)

    def limit_to_page(self, offered: PageOffer | None = None) -> None:
        """Offer only the choices of a page without a kernel; it is not used live afterwards."""
        self.offered = offered or offer_of(self.session.experiment)
        with self._sync():
            limit_explorer(self, self.offered)

    def page_experiments(self) -> dict[str, Any]:
        """Name the experiment that is open."""
        return {" ".join([self.session.case, self.session.model]): self.session.experiment}

    def page_role(self) -> dict[str, Any] | None:
        """Describe the role; the choices of a classifier are limited first.

        None for another task, unless ``limit_to_page`` was called: a site has no detectors.
        """
        if self.offered is None and not self.panels.fits_classroom:
            return None
        if self.offered is None:
            self.limit_to_page()
        [name] = self.page_experiments()
        rules = share_link.page_rules(self.session) if self.links else None
        with self._sync():
            return explorer_role(self, name) | {"links": rules}


def _checked(path: str | os.PathLike[str]) -> Path:
    """Check that the folder of a file exists, before the long work."""
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"no folder {str(target.parent)!r} for the page")
    return target


def _check_sliders(asked: Recipe, shown: Recipe) -> None:
    """Refuse a recipe that the two sliders alone cannot show; a page would begin with another."""
    if replace(asked, sparsity=shown.sparsity) != shown:
        raise ValueError(
            f"a page of the two sliders alone has no position for {asked}: "
            "write all choices with sliders_only=False, or show another recipe first"
        )
