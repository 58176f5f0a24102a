"""Lines that make a torchvision detector fit: one output tensor, and a function that decodes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LINES = """\
import torch
from torch import nn
from torchvision.models.detection.image_list import ImageList


class Raw(nn.Module):  # images -> class scores and box offsets of all anchors
    def __init__(self, whole):
        super().__init__()
        self.backbone, self.head = whole.backbone, whole.head

    def forward(self, images):
        raw = self.head(list(self.backbone(images).values()))
        return torch.cat([raw["cls_logits"], raw["bbox_regression"]], dim=2)


def decoder(whole, size):  # size: (height, width) of the images; whole is in eval mode
    image = torch.zeros(1, 3, *size)
    levels = list(whole.backbone(image).values())
    anchors = whole.anchor_generator(ImageList(image, [size]), levels)

    def decode(output):
        raw = {"cls_logits": output[..., :-4], "bbox_regression": output[..., -4:]}
        count = len(output)
        found = whole.postprocess_detections(raw, anchors * count, [size] * count)
        return [  # without the background, class 0 of torchvision
            torch.column_stack([image["boxes"], image["scores"], image["labels"] - 1])
            for image in found
        ]

    return decode
"""
HINT = f"""\
A detector's network returns one tensor, which decode= turns into boxes. For torchvision's SSD:

{LINES}

task = ow.Detection(decode=decoder(whole, data.shape[1:]))
exp = ow.Experiment(Raw(whole), data, task=task)

Section "Your own detector" of the page "Your own model" has RetinaNet and other detectors.
"""


def returns_boxes(output: Any) -> bool:
    """Return whether an output is that of a whole detector: a dict with boxes for each image.

    Examples
    --------
    >>> returns_boxes([{"boxes": [], "labels": [], "scores": []}]), returns_boxes({"out": 1})
    (True, False)
    """
    if not isinstance(output, list | tuple) or not output:
        return False
    return all(isinstance(each, Mapping) and "boxes" in each for each in output)
