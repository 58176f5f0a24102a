"""Payload of images' pixels, which are sent once for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optiwidgets.session.queries import exploration_pixels
from optiwidgets.session.session import Session


def pixels_payload(session: Session, images: str, indices: Sequence[int]) -> dict[str, Any]:
    """Encode pixels as bytes 0..255, row by row, the colours of a pixel together.

    Parameters
    ----------
    session
        Session of the experiment with the exploration images.
    images
        Fingerprint of these images.
    indices
        Indices of those to encode; {} for none.
    """
    if not indices:
        return {}
    pixels = np.rint(255 * exploration_pixels(session.experiment, indices)).astype(np.uint8)
    return {
        "images": images,
        "indices": np.array(indices, "<i4").tobytes(),
        "shape": list(pixels.shape[1:]),
        "values": pixels.tobytes(),
    }
