"""Removal of channels from torchvision and timm architectures: which work, and why others do not.

    python benchmarks/zoo.py [--sample] [--json FILE] [NAME ...]

A net works where 30 % of its channels are removed, fewer weights are left and, without a norm over
channels, its scores equal those of the net with zeros in their place (1e-4 of the largest).
"""

from __future__ import annotations

import argparse
import json
import random
import time
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from optiwidgets.engine.models import batchnorm_folding
from optiwidgets.engine.models.channel_removal import mismatch, removable_channels, remove_channels

TIMM = [
    "convnextv2_atto",
    "dla46x_c",
    "edgenext_xx_small",
    "efficientvit_b0",
    "fastvit_t8",
    "ghostnet_050",
    "hardcorenas_a",
    "lcnet_050",
    "mixer_s32_224",
    "mobilenetv4_conv_small",
    "mobilevit_xxs",
    "regnetx_002",
    "repvgg_a0",
    "resnet10t",
    "rexnet_100",
    "seresnext26d_32x4d",
    "test_resnet",
    "tinynet_e",
    "vit_tiny_patch16_224",
    "levit_128s",
]
TORCHVISION = [
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "resnet18",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "vit_b_16",
    "wide_resnet50_2",
    "alexnet",
    "vgg11_bn",
]
SEED, SAMPLED, MOST_PARAMETERS, MOST_PIXELS = 20261128, 100, 30e6, 256


def build(name: str) -> tuple[nn.Module, Tensor]:
    """Make an untrained net of ten classes, and two images for it, 64 px where it takes those."""
    import timm
    import torchvision

    torch.manual_seed(0)
    if name.startswith("tv/"):
        extra = {"init_weights": False, "aux_logits": False} if "googlenet" in name else {}
        size = 224 if name in ("tv/vit_b_16", "tv/alexnet") else 64
        net = torchvision.models.get_model(name[3:], num_classes=10, **extra)
    else:
        net = timm.create_model(name.removeprefix("timm/"), num_classes=10)
        own = net.default_cfg["input_size"][-1]
        size = own if net.default_cfg.get("fixed_input_size") else 64
    for norm in net.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm) and norm.running_var is not None:
            norm.running_var.uniform_(0.5, 2)
            norm.running_mean.normal_(0, 0.2)
    return net.eval(), torch.randn(2, 3, size, size)


def sample() -> list[str]:
    """Draw timm names of at most 30 M parameters and 256 px."""
    import timm

    names = []
    for name in sorted(timm.list_models()):
        config = timm.get_pretrained_cfg(name)
        if config is not None and max(config.input_size[1:]) > MOST_PIXELS:
            continue
        with torch.device("meta"):
            try:
                net = timm.create_model(name)
            except Exception:  # noqa: BLE001 (cannot be made without values)
                continue
        if sum(p.numel() for p in net.parameters()) <= MOST_PARAMETERS:
            names.append(f"timm/{name}")
    return random.Random(SEED).sample(names, SAMPLED)


def try_one(name: str) -> dict[str, object]:
    """Remove 30 % of the channels of one net."""
    start = time.process_time()
    try:
        net, images = build(name)
        with torch.inference_mode(False), torch.no_grad():
            net = batchnorm_folding.fold(net)
            groups = removable_channels(net, images)
            counts = [min(int(0.3 * len(s) + 0.5), len(s) - 1) for s in groups.sets]
            gone = np.concatenate([s[:n] for s, n in zip(groups.sets, counts, strict=True)])
            reason = mismatch(net, gone, groups, images)
            before, after = (
                sum(p.numel() for p in n.parameters())
                for n in (net, remove_channels(net, gone, groups))
            )
            if not reason and after >= before:
                reason = "nothing was removed"
        left = round(after / before, 3)
    except Exception as error:  # noqa: BLE001 (its reason is the result)
        reason, left = f"{type(error).__name__}: {error}", None
    seconds = round(time.process_time() - start, 1)
    return {"name": name, "works": not reason, "reason": reason, "left": left, "seconds": seconds}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--sample", action="store_true", help="the 100 drawn from timm")
    parser.add_argument("--json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    named = [f"timm/{n}" for n in TIMM] + [f"tv/{n}" for n in TORCHVISION]
    rows = []
    for name in options.names or (sample() if options.sample else named):
        rows.append(try_one(name))
        row = rows[-1]
        line = f"{name:34} {row['left'] or '-':>6} {row['seconds']:6} {row['reason'] or 'works'}"
        print(line[:300], flush=True)
    print(f"{sum(bool(row['works']) for row in rows)} of {len(rows)} work")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
