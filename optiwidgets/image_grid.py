"""Figure of a dataset's images: a grid per part, a row per class. It does not use pyplot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from optiwidgets.notebook_figure import NotebookFigure
from optiwidgets.texts import mark, text

PARTS = (mark("train"), mark("calibration"), mark("exploration"), mark("sealed"))
GAP = 2  # white pixels between images
MOST_CLASSES = 40  # rows of a grid
EDGE, LARGEST_EDGE = 0.62, 2.5  # inches across an image; the larger one for few with boxes
BOXES, MASKS = "boxes", "masks"  # kinds of targets


class Labels(Protocol):
    """Interface of a tensor of class indices."""

    def numpy(self) -> NDArray[np.int64]:
        """Convert to an array."""
        ...


class Boxes(Protocol):
    """Interface of a tensor of boxes (N, M, 6): x0, y0, x1, y1, class, crowd; class -1 for none."""

    def numpy(self) -> NDArray[np.float32]:
        """Convert to an array."""
        ...


class ImageTensor(Protocol):
    """Interface of a tensor of images N C H W."""

    def numpy(self) -> NDArray[np.float32]:
        """Convert to an array."""
        ...


class LabelledImages(Protocol):
    """Interface of the parts of a ``Dataset`` that are drawn."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes."""
        ...

    @property
    def description(self) -> str:
        """Description of the images in a sentence."""
        ...

    @property
    def targets(self) -> str:
        """Kind of the targets: "classes", "boxes" or "masks"."""
        ...

    def labels(self, part: str) -> Labels:
        """Return the class indices of a part."""
        ...

    def boxes(self, part: str) -> Boxes:
        """Return the boxes of a part."""
        ...

    def some(self, part: str, places: Sequence[int]) -> ImageTensor:
        """Return the normalized images at some indices of a part."""
        ...

    def pixels(self, images: ImageTensor) -> ImageTensor:
        """Convert normalized images to pixels 0..1."""
        ...


@dataclass(frozen=True)
class _Chosen:
    """Indices of the images drawn of each class, counts of each class, images of the part."""

    places: Sequence[Sequence[int]]
    counts: Sequence[int]
    images: int


def plot_images(data: LabelledImages, count: int = 6, *, parts: Sequence[str] = PARTS) -> Figure:
    """Plot the first images of every class in every part, and the number of images of each class.

    Of images with boxes, those with a box of the class are drawn with the boxes of this class, and
    the number is that of boxes. The outline of a crowd is dotted.

    Parameters
    ----------
    data
        A ``Dataset``.
    count
        Largest number of images drawn per class and part.
    parts
        Parts to draw, by default all.

    Returns
    -------
    matplotlib.figure.Figure
        A figure on an Agg canvas, independent of pyplot, so it needs no closing. Pixels of 0..1 are
        drawn unchanged. If some are outside 0..1, because ``mean`` and ``std`` do not convert back
        to pixels, the title has the values drawn as black and white.

    Raises
    ------
    ValueError
        A part has another name, the count is below 1, or the targets are masks.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> figure = plot_images(ow.load_dataset("digits"), 3, parts=["train", "exploration"])
    >>> [ax.get_title() for ax in figure.axes]
    ['train, 2,500 images', 'exploration, 1,500 images']
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise ValueError(f"parts are some of {', '.join(PARTS)}, not {parts!r}")
    if type(count) is not int or count < 1:
        raise ValueError(f"count is a number of images, 1 or more, not {count!r}")
    if data.targets == MASKS:
        raise ValueError(
            "plot_images draws images by their class or with boxes; the targets of these images "
            "are masks: use data.train[0] and data.train[1], images and masks"
        )
    names = list(data.class_names)[:MOST_CLASSES]
    chosen = {part: _choose(data, part, len(names), count) for part in parts}
    drawn = {part: _rows(data, part, chosen[part].places) for part in parts}
    low, high = _range([images for rows in drawn.values() for images in rows])
    columns = [max(1, *map(len, rows)) for rows in drawn.values()]
    edge = _edge(sum(columns), len(names)) if data.targets == BOXES else EDGE
    size = (1.2 + 0.4 * len(parts) + edge * sum(columns), 0.9 + (edge + 0.08) * len(names))
    figure = NotebookFigure(*size)
    axes = figure.subplots(1, len(parts), squeeze=False, width_ratios=columns).ravel()
    for ax, wide, (part, rows) in zip(axes, columns, drawn.items(), strict=True):
        grid = montage([(images - low) / (high - low) for images in rows], wide)
        _draw(ax, grid, chosen[part].counts)
        if data.targets == BOXES:
            _outline(ax, chosen[part].places, data.boxes(part).numpy(), rows[0].shape[1:3])
        title = text("{part}, {images:,} images", part=text(part), images=chosen[part].images)
        ax.set_title(title, fontsize=9)
    _name(axes[0], names)
    _say(figure, data.description, low, high, len(data.class_names) - len(names))
    return figure


def _edge(columns: int, rows: int) -> float:
    """Compute the width of an image with boxes, in inches: the fewer images, the larger."""
    return max(EDGE, min(LARGEST_EDGE, 15 / columns, 25 / rows))


def _choose(data: LabelledImages, part: str, classes: int, count: int) -> _Chosen:
    """Find the first images of each class, and count its images or boxes."""
    if data.targets == BOXES:
        labels = data.boxes(part).numpy()[:, :, 4]
    else:
        labels = data.labels(part).numpy()[:, None].astype(np.float32)
    found = [labels == index for index in range(classes)]
    places = [np.flatnonzero(each.any(1))[:count].tolist() for each in found]
    return _Chosen(places, [int(each.sum()) for each in found], len(labels))


def _rows(
    data: LabelledImages, part: str, places: Sequence[Sequence[int]]
) -> list[NDArray[np.float32]]:
    """Return the pixels (n, H, W, C) of the chosen images of each class."""
    rows = []
    for row in places:
        pixels = data.pixels(data.some(part, row)).numpy()
        rows.append(_drawable(pixels.transpose(0, 2, 3, 1)))
    return rows


def _outline(
    ax: Axes,
    places: Sequence[Sequence[int]],
    boxes: NDArray[np.float32],
    shape: tuple[int, ...],
) -> None:
    """Outline the boxes of each row's class over a montage of images of a height and width."""
    for row, images in enumerate(places):
        for column, image in enumerate(images):
            top = row * (shape[0] + 2 * GAP) + GAP - 0.5  # edge of the first pixel
            left = column * (shape[1] + GAP) + GAP - 0.5
            for x0, y0, x1, y1, _, crowd in boxes[image][boxes[image][:, 4] == row].tolist():
                corner, style = (left + x0, top + y0), ":" if crowd else "-"
                for width, colour in ((2.4, "black"), (1.2, "yellow")):
                    ax.add_patch(
                        Rectangle(
                            corner, x1 - x0, y1 - y0, fill=False, lw=width, ec=colour, ls=style
                        )
                    )


def _drawable(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images of one or three channels; average any other number of channels."""
    grey: NDArray[np.float32] = images.mean(axis=3, keepdims=True)
    return images if images.shape[3] in (1, 3) else grey


def _range(images: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Return the values of black and white: 0 and 1, or the range of values outside 0..1."""
    low = min((float(i.min()) for i in images if i.size), default=0.0)
    high = max((float(i.max()) for i in images if i.size), default=1.0)
    return (0.0, 1.0) if low >= -0.02 and high <= 1.02 else (low, high)


def montage(rows: Sequence[NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    """Arrange rows of images (n, H, W, C) in one white picture, ``count`` columns wide.

    Examples
    --------
    >>> montage([np.zeros((1, 3, 3, 1), np.float32)], 2).shape
    (7, 12, 1)
    """
    height, width, channels = rows[0].shape[1:]
    high, wide = height + 2 * GAP, width + GAP
    grid = np.ones((len(rows) * high, count * wide + GAP, channels), np.float32)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * high + GAP, column * wide + GAP
            grid[top : top + height, left : left + width] = image
    return grid


def _draw(ax: Axes, grid: NDArray[np.float32], counts: Sequence[int]) -> None:
    """Draw a grid, with the number of images of the class beside every row."""
    ax.imshow(
        grid.clip(0, 1).squeeze(2) if grid.shape[2] == 1 else grid.clip(0, 1),
        "gray",
        vmin=0,
        vmax=1,
    )
    step = grid.shape[0] / len(counts)
    ax.set_yticks([(row + 0.5) * step - 0.5 for row in range(len(counts))])
    ax.set_yticklabels([f"{number:,}" for number in counts], fontsize=8)
    ax.tick_params(length=0)
    ax.set_xticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _name(ax: Axes, names: Sequence[str]) -> None:
    """Add the names of the classes to the numbers beside the first grid."""
    numbers = [label.get_text() for label in ax.get_yticklabels()]
    both = [f"{name}  {number}" for name, number in zip(names, numbers, strict=True)]
    for label in ax.set_yticklabels(both, fontsize=8):
        label.set_parse_math(False)  # a $ in a name starts no formula


def _say(figure: Figure, description: str, low: float, high: float, left_out: int) -> None:
    notes = [description] if description else []
    notes += [text("{count} more classes", count=left_out)] if left_out > 0 else []
    if (low, high) != (0.0, 1.0):
        range_ = mark(
            "no pixels 0 to 1 under this mean and std: black is {low:.2f} and white {high:.2f}"
        )
        notes.append(text(range_, low=low, high=high))
    if notes:
        figure.suptitle("; ".join(notes), fontsize=10, parse_math=False)
