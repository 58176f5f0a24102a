"""Multiple-choice knapsack: one option per layer, least cost for every size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 20_000  # points of the front that are kept after a layer

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParetoFront:
    """Pareto front of total sizes and costs, in ascending order of size.

    ``picks`` (P, L) has the index of each layer's option for each of the P points.
    """

    sizes: Numbers
    costs: Numbers
    picks: NDArray[np.int64]

    def best_within(self, budget: float) -> int:
        """Return the index of the point of least cost whose size is at most ``budget``.

        Raises
        ------
        ValueError
            No point is that small.
        """
        index = int(np.searchsorted(self.sizes, budget, side="right")) - 1
        if index < 0:
            raise ValueError(f"the cheapest choice costs {self.sizes[0]:g}, more than {budget:g}")
        return index


def pareto_front(options: Sequence[Sequence[tuple[float, float]]]) -> ParetoFront:
    """Compute the Pareto front by dynamic programming, layer by layer, without dominated sums.

    The front is exact up to 20,000 points; if there are more, evenly spaced sizes are kept.

    Parameters
    ----------
    options
        For every layer, pairs (size, cost), of which one is chosen.

    Examples
    --------
    >>> best = pareto_front([[(4, 0.0), (1, 5.0)], [(4, 0.0), (2, 1.0), (3, 2.0)]])
    >>> best.sizes.tolist(), best.costs.tolist(), best.picks.tolist()
    ([3.0, 5.0, 6.0, 8.0], [6.0, 5.0, 1.0, 0.0], [[1, 1], [1, 0], [0, 1], [0, 0]])

    Source: H. Kellerer, U. Pferschy, D. Pisinger, "Knapsack problems", Springer 2004, chapter 11
    (dominance: section 11.5).
    """
    best = ParetoFront(np.zeros(1), np.zeros(1), np.zeros((1, 0), np.int64))
    for layer in options:
        best = _thinned(_with_layer(best, np.array(layer, float)))
    return best


def _with_layer(best: ParetoFront, layer: Numbers) -> ParetoFront:
    sizes = (best.sizes[:, None] + layer[:, 0]).ravel()
    costs = (best.costs[:, None] + layer[:, 1]).ravel()
    order = np.lexsort((costs, sizes))
    least = np.minimum.accumulate(np.concatenate([[np.inf], costs[order][:-1]]))
    kept = order[costs[order] < least]
    before, own = np.divmod(kept, len(layer))
    return ParetoFront(sizes[kept], costs[kept], np.column_stack([best.picks[before], own]))


def _thinned(best: ParetoFront) -> ParetoFront:
    """Keep at most ``MOST_POINTS`` points at evenly spaced sizes, both ends included."""
    if len(best.sizes) <= MOST_POINTS:
        return best
    wanted = np.linspace(best.sizes[0], best.sizes[-1], MOST_POINTS)
    kept = np.unique(np.searchsorted(best.sizes, wanted))
    return ParetoFront(best.sizes[kept], best.costs[kept], best.picks[kept])
