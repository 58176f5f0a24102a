"""One option for every layer: least damage for every number of bytes (multiple-choice knapsack)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 20_000  # of a frontier kept between two layers

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParetoFront:
    """The sums of costs and damages that no other choice beats in both, costs rising.

    ``picks`` (P, L) says which option of every layer each of the P sums is made of.
    """

    costs: Numbers
    damages: Numbers
    picks: NDArray[np.int64]

    def best_within(self, budget: float) -> int:
        """Place of the least damage that costs no more than ``budget``.

        Raises
        ------
        ValueError
            Nothing is that cheap.
        """
        place = int(np.searchsorted(self.costs, budget, side="right")) - 1
        if place < 0:
            raise ValueError(f"the cheapest choice costs {self.costs[0]:g}, more than {budget:g}")
        return place


def pareto_front(options: Sequence[Sequence[tuple[float, float]]]) -> ParetoFront:
    """Dynamic programming, layer by layer: only sums that are not beaten can become the best.

    Exact as long as no more than 20,000 sums are unbeaten; of more, evenly spaced costs are kept.

    Parameters
    ----------
    options
        For every layer, pairs (cost, damage), one of which is chosen.

    Examples
    --------
    >>> best = pareto_front([[(4, 0.0), (1, 5.0)], [(4, 0.0), (2, 1.0), (3, 2.0)]])
    >>> best.costs.tolist(), best.damages.tolist(), best.picks.tolist()
    ([3.0, 5.0, 6.0, 8.0], [6.0, 5.0, 1.0, 0.0], [[1, 1], [1, 0], [0, 1], [0, 0]])

    Source: H. Kellerer, U. Pferschy, D. Pisinger, "Knapsack problems", Springer 2004, chapter 11
    (dominance: section 11.5).
    """
    best = ParetoFront(np.zeros(1), np.zeros(1), np.zeros((1, 0), np.int64))
    for layer in options:
        best = _thinned(_with_layer(best, np.array(layer, float)))
    return best


def _with_layer(best: ParetoFront, layer: Numbers) -> ParetoFront:
    costs = (best.costs[:, None] + layer[:, 0]).ravel()
    damages = (best.damages[:, None] + layer[:, 1]).ravel()
    order = np.lexsort((damages, costs))
    least = np.minimum.accumulate(np.concatenate([[np.inf], damages[order][:-1]]))
    kept = order[damages[order] < least]
    before, own = np.divmod(kept, len(layer))
    return ParetoFront(costs[kept], damages[kept], np.column_stack([best.picks[before], own]))


def _thinned(best: ParetoFront) -> ParetoFront:
    """At most ``MOST_POINTS``: evenly spaced costs, both ends among them."""
    if len(best.costs) <= MOST_POINTS:
        return best
    wanted = np.linspace(best.costs[0], best.costs[-1], MOST_POINTS)
    kept = np.unique(np.searchsorted(best.costs, wanted))
    return ParetoFront(best.costs[kept], best.damages[kept], best.picks[kept])
