"""Removal of channels from torchvision and timm architectures: supported ones, and reasons.

    python benchmarks/zoo.py [--sample] [--json FILE] [NAME ...]

A net "works" if 30 % of its channels can be removed as in an experiment, fewer weights remain,
and the scores equal those of the net with zeros in their place (1e-4 of the largest), with norms
computed over the kept channels. A refusal counts as a failure. "left" is the share of
parameters that remain; "stay" has the reasons why some channels cannot be removed.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import warnings

import torch
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models.preparation import prepare
from optiwidgets.engine.pruning.pruner import Pruner
from optiwidgets.engine.types.recipe import Recipe

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
SIZES = 64, 96, 128, 160, 192, 224, 240, 256  # pixels; the least size that a net accepts is used
RECIPE = Recipe(sparsity=0.3, pruning="channel")


def build(name: str) -> tuple[nn.Module, Tensor]:
    """Build an untrained net of ten classes with random BatchNorms, and four images for it."""
    import timm
    import torchvision

    torch.manual_seed(0)
    source, _, own = name.partition("/")
    if source == "tv":
        extra = {"init_weights": False, "aux_logits": False} if own == "googlenet" else {}
        net = torchvision.models.get_model(own, num_classes=10, **extra)
    else:
        net = timm.create_model(own, num_classes=10)
    for norm in net.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm) and norm.running_var is not None:
            norm.running_var.uniform_(0.5, 2)
            norm.running_mean.normal_(0, 0.2)
    return net.eval(), least_images(net)


def least_images(net: nn.Module) -> Tensor:
    """Make images of the least size that a net accepts."""
    for size in SIZES:
        images = torch.randn(4, 3, size, size)
        try:
            with torch.inference_mode():
                net(images[:1])
        except Exception:
            if size == SIZES[-1]:
                raise
        else:
            break
    return images


def sample() -> list[str]:
    """Sample timm names of at most 30 M parameters and 256 px."""
    import timm

    names = []
    for name in sorted(timm.list_models()):
        config = timm.get_pretrained_cfg(name)
        if config is not None and max(config.input_size[1:]) > MOST_PIXELS:
            continue
        with torch.device("meta"):
            try:
                net = timm.create_model(name)
            except Exception:  # noqa: BLE001 (cannot be built on the meta device)
                continue
        if sum(p.numel() for p in net.parameters()) <= MOST_PARAMETERS:
            names.append(f"timm/{name}")
    return random.Random(SEED).sample(names, SAMPLED)


def try_one(name: str) -> dict[str, object]:
    """Remove 30 % of the channels of one net."""
    start, size, left, stay = time.process_time(), 0, None, ""
    try:
        net, images = build(name)
        size, reason = images.shape[-1], ""
        parts = ("train", "calibration", "exploration", "sealed")
        shared = {part: (images, torch.arange(4)) for part in parts}
        data = Dataset(**shared, class_names=tuple("0123456789"))
        prepared = prepare(net, images)
        pruner = Pruner(prepared.net, data, prepared.trained)
        smaller, _ = pruner.prune(RECIPE)
        before, after = (sum(p.numel() for p in n.parameters()) for n in (prepared.net, smaller))
        left, stay = round(after / before, 3), "; ".join(pruner.groups.pinned)
        if after >= before:
            reason = "nothing was removed"
    except Exception as error:  # noqa: BLE001 (the reason is the result)
        reason = f"{type(error).__name__}: {error}"
    seconds = round(time.process_time() - start, 1)
    row = {"name": name, "px": size, "works": not reason, "reason": reason}
    return {**row, "left": left, "stay": stay, "s": seconds}


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
    print(f"{'net':42} {'px':>4} {'left':>6} {'CPU s':>6} result")
    for name in options.names or (sample() if options.sample else named):
        rows.append(try_one(name))
        row = rows[-1]
        line = f"{name:42} {row['px']:4} {row['left'] or '-':>6} {row['s']:6} "
        print(line + (row["reason"] or "works"), flush=True)
    print(f"{sum(bool(row['works']) for row in rows)} of {len(rows)} work")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
