"""Content and choices of a page by the task of its experiment."""

from __future__ import annotations

from typing import Any

from optiwidgets.session.page_numbers import is_detector
from optiwidgets.widgets.pages import page_content, page_offer
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_offer import PageOffer


def runs_in_page(experiment: Any) -> bool:
    """Return whether a page has the decoding of the network's output; a classifier needs none.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> runs_in_page(Experiment.load("digits"))
    True
    """
    return not is_detector(experiment) or bool(experiment.portable_decoding)


def content_of(experiment: Any, *, alone: bool = False, runs: bool = True) -> PageContent:
    """Return the recipes of a page.

    Parameters
    ----------
    experiment
        A classifier's, or a detector's.
    alone
        Whether the page has the two sliders alone.
    runs
        Whether the page has a runtime; without it, it has the stored recipes.
    """
    if is_detector(experiment):
        return page_content.DETECTOR if runs and not alone else page_content.DETECTIONS_ALONE
    if alone:
        return page_content.TWO_SLIDERS
    return page_content.FULL if runs else page_content.GRIDS


def offer_of(experiment: Any) -> PageOffer:
    """Return the choices of a page; those of a detector that only Python decodes are two sliders.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> offer_of(Experiment.load("digits")).values_of("recovery")
    ('none', 'refit')
    """
    if not is_detector(experiment):
        return page_offer.FULL
    return page_offer.DETECTOR if runs_in_page(experiment) else page_offer.STORED
