"""Page on own models: every block is run, in order, and every refusal it lists is provoked."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import detection

import optiwidgets as ow
from optiwidgets.cli import main
from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.types.model_check import STATUSES

timm = pytest.importorskip("timm")
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "lessons" / "YOUR_OWN_MODEL.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", PAGE, re.DOTALL)
REFUSALS = re.findall(r"^\| `([^`]+)` \|", PAGE[PAGE.index("## Refused") :], re.MULTILINE)
CLASSES = ("priority", "stop", "yield")


def save_onnx(path, nodes, images, scores, weights):
    """Write an ONNX model of these nodes, from images to scores of these shapes."""
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "mine",
        [onnx.helper.make_tensor_value_info("images", floats, images)],
        [onnx.helper.make_tensor_value_info("scores", floats, scores)],
        [onnx.numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def write_boxes(home, names, **changes):
    """Write a file in COCO's format, with one sign on each picture of 90 x 70 pixels."""
    box = {"category_id": 1, "bbox": [20, 15, 50, 40], "iscrowd": 0, **changes}
    content = {
        "images": [
            {"id": index, "file_name": name, "width": 90, "height": 70}
            for index, name in enumerate(names)
        ],
        "annotations": [{"id": index, "image_id": index, **box} for index in range(len(names))],
        "categories": [{"id": 1, "name": "sign"}],
    }
    (home / "annotations.json").write_text(json.dumps(content))
    return home / "annotations.json"


def ssdlite(classes):
    return detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=1 + classes
    )


def scaled(net):
    """Return a network with random weights that keep the scale of its activations."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    return net


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Folder of a new user: photographs of three signs, their weights, and an ONNX file."""
    home = tmp_path_factory.mktemp("home")
    draw = np.random.default_rng(5)
    for label, name in enumerate(CLASSES):
        (home / "photos" / name).mkdir(parents=True)
        for index in range(24):
            pixels = draw.integers(0, 100, (70, 90, 3), np.uint8)
            pixels[15:-15, 20:-20, label] += 150
            Image.fromarray(pixels).save(home / "photos" / name / f"{index:04}.jpg")
    write_boxes(home, [f"{name}/{index:04}.jpg" for name in CLASSES for index in range(24)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = timm.create_model("lcnet_050", num_classes=3).eval()
        torch.save(net.state_dict(), home / "mine.pt")
    torch.save(scaled(ssdlite(classes=1)).state_dict(), home / "detector.pt")
    draw = np.random.default_rng(1).normal
    weights = {"kernel": draw(size=(4, 3, 3, 3)), "matrix": draw(size=(3, 4))}
    nodes = [
        onnx.helper.make_node("Conv", ["images", "kernel"], ["features"]),
        onnx.helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        onnx.helper.make_node("Flatten", ["pooled"], ["flat"]),
        onnx.helper.make_node("Gemm", ["flat", "matrix"], ["scores"], transB=1),
    ]
    save_onnx(home / "mine.onnx", nodes, ["n", 3, 64, 64], ["n", 3], weights)
    return home


@pytest.mark.slow
def test_the_blocks_run_from_top_to_bottom(there, monkeypatch, capsys):
    monkeypatch.chdir(there)
    seen, ran = {}, []
    for kind, block in BLOCKS:
        if kind == "python":
            exec(compile(block, "YOUR_OWN_MODEL.md", "exec"), seen)
            continue
        program, command, *rest = shlex.split(block)
        assert program == "optiwidgets"
        ran.append(command)
        if command == "app":  # the reference: built with the arguments of the file
            assert (rest[0], rest[2]) == ("--case", "--images")
            assert all(Path(name).exists() for name in rest[1::2])
        else:
            assert main([command, *("2" if word == "40" else word for word in rest)]) == 0
    assert ran == ["train", "app"]
    assert "1 class, images 3 x 96 x 96, 72 boxes" in repr(seen["boxed"])
    assert isinstance(seen["check"], ow.ModelCheck)
    assert seen["whole"].head is seen["Raw"](seen["whole"]).head  # the blocks of a detector ran
    images = seen["data"].exploration[0]
    small = seen["small"](images).softmax(1).detach()
    np.testing.assert_allclose(small, seen["rep"].scores, atol=1e-3)
    np.testing.assert_allclose(seen["again"](images).detach(), seen["small"](images).detach())
    assert seen["exp"].openings == [seen["rep"].recipe, ow.Recipe()]
    assert f"\n- {seen['verdict'].reasons[-1]}" in capsys.readouterr().out


def test_statuses_of_the_page_are_those_of_a_check():
    table = PAGE[PAGE.index("| status |") : PAGE.index("If the accuracy of the untouched")]
    assert tuple(re.findall(r"^\| (\w[\w ]*) \|", table, re.MULTILINE)[1:]) == STATUSES


def test_the_page_names_paths_that_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "lessons" / target).exists(), target
    for page in ("README.md", "lessons/TEACHING.md"):
        assert "YOUR_OWN_MODEL.md" in (ROOT / page).read_text(encoding="utf-8"), page


# Refusals


class Sampling(nn.Module):
    """Classifier of 3 x 8 x 8 images that draws at random in eval mode too."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(192, 3)

    def forward(self, images):
        return self.head(nn.functional.dropout(images.flatten(1)))


class InADict(Sampling):
    def forward(self, images):
        return {"logits": self.head(images.flatten(1))}


class Counting(Sampling):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images):
        self.calls += 1
        return self.head(images.flatten(1))


class Branching(Sampling):
    def forward(self, images):
        return self.head(images.flatten(1)) * (1 if images.sum() > -1e9 else 2)


def plain(classes=3, channels=3):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * channels, classes))


@pytest.fixture
def data():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 3), np.uint8)
    return Dataset.of((pixels, np.arange(90) % 3), class_names=CLASSES, mean=0.5, std=0.25)


def folder_of(home, **pictures):
    """Make a folder with so many images per subfolder, ``train__stop=4`` in train/stop."""
    for name, count in pictures.items():
        place = home / name.replace("__", "/")
        place.mkdir(parents=True)
        for index in range(count):
            pixels = np.random.default_rng(hash_of(name) + index).integers(0, 256, (9, 9), np.uint8)
            Image.fromarray(pixels).save(place / f"{index}.png")
    return home


def hash_of(name):
    return 1000 * sum(name.encode())


def save_small(path, data):
    with torch.random.fork_rng(devices=[]):
        ow.save_trained(ow.train(data, "small", epochs=1), path, data)
    return path


def loose(home, data):
    ow.load_dataset(folder_of(home, stop=3).joinpath("stop"))


def two_for_one_part(home, data):
    classes = ("train__a", "train__b", "val__a", "val__b", "valid__a", "valid__b")
    ow.load_dataset(folder_of(home, **dict.fromkeys(classes, 4)))


def unknown_class(home, data):
    classes = ("train__a", "train__b", "val__a", "val__b", "val__c")
    ow.load_dataset(folder_of(home, **dict.fromkeys(classes, 4)))


def boxed(edges=(70, 90), **changes):
    """Return a function that loads a file in COCO's format with changed annotations."""

    def load(home, data):
        for index in range(4):
            Image.fromarray(np.full(edges, index, np.uint8)).save(home / f"{index}.png")
        ow.load_dataset(write_boxes(home, [f"{index}.png" for index in range(4)], **changes))

    return load


def without_statistics(home, data):
    norm = nn.BatchNorm2d(3, track_running_stats=False)
    ow.Experiment(nn.Sequential(norm, plain()), data)


def other_order(home, data):
    path = save_small(home / "m.safetensors", data)
    ow.Experiment.load(path, images=replace(data, class_names=CLASSES[::-1]))


def other_pixels(home, data):
    path = save_small(home / "m.safetensors", data)
    flipped = {
        part: (images.flip(-1), labels)
        for part in PARTS
        for images, labels in [getattr(data, part)]
    }
    ow.Experiment.load(path, images=replace(data, **flipped))


def odd_operator(home, data):
    node = onnx.helper.make_node("Hardmax", ["images"], ["scores"])
    save_onnx(home / "odd.onnx", [node], ["n", 3, 8, 8], ["n", 3, 8, 8], {})
    ow.Experiment.from_onnx(home / "odd.onnx", data)


def in_a_dict(home, data):
    exp = ow.Experiment(InADict(), data, head="logits")
    exp.run(ow.Recipe()).export(home / "m.onnx")


def branching(home, data):
    exp = ow.Experiment(Branching(), data)
    report = exp.run(ow.Recipe(sparsity=0.5, bits=8))
    report.save(home / "m.owz")
    report.export(home / "m.onnx")


class Boxes(Sampling):
    def forward(self, images):
        return [{"boxes": each} for each in self.head(images.flatten(1))]


class Rows(Sampling):
    def forward(self, images):
        return self.head(images.flatten(1)).repeat(1, 2)[:, None]


def with_boxes(data):
    boxes = torch.tensor([[1.0, 1, 4, 4, 0, 0]])
    parts = {
        part: (images, boxes.expand(len(images), 1, 6).contiguous())
        for part in PARTS
        for images in [getattr(data, part)[0]]
    }
    return replace(data, **parts)


def detector(data, decode):
    ow.Experiment(Rows(), with_boxes(data), task=ow.Detection(decode=decode))


def over_the_batch(output):
    box = torch.tensor([[0.0, 0, 1, 1, 0.5, 0]])
    batch = output[..., 0].sigmoid().mean() * (torch.arange(6) == 4)
    return [box + 0.1 * batch for _ in output]


PROVOKED = {
    "is not a folder of classes": loose,
    "are both for exploration": two_for_one_part,
    "which the training images have not": unknown_class,
    "is outside the image of": boxed(bbox=[20, 15, 90, 40]),
    "has an area of 0": boxed(bbox=[20, 15, 0, 40]),
    "corners are swapped": boxed(bbox=[20, 15, -5, 40]),
    "is of an unknown category_id": boxed(category_id=2),
    "its boxes would be elsewhere": boxed((9, 9)),
    "the model does not take images of": lambda _, d: ow.Experiment(plain(channels=1), d),
    "classes need scores of": lambda _, d: ow.Experiment(plain(classes=5), d),
    "finds no tensor of scores in it": lambda _, d: ow.Experiment(InADict(), d),
    "A detector's network returns one tensor": lambda _, d: ow.Experiment(Boxes(), d),
    "that depend on the other images": lambda _, d: detector(d, over_the_batch),
    "decode returns": lambda _, d: detector(d, lambda output: [each[:, :5] for each in output]),
    "it may be a probability or a score": lambda _, d: ow.Experiment(
        nn.Sequential(plain(classes=1), nn.Hardtanh(0, 1)), d
    ),
    "the model's output is no tensor of scores": in_a_dict,
    "change when it is run again": lambda _, d: ow.Experiment(Sampling(), d),
    "depend on the other images in its batch": without_statistics,
    "while it evaluates": lambda _, d: ow.Experiment(Counting(), d),
    "a TorchScript module cannot be taken apart": lambda _, d: ow.Experiment(
        torch.jit.trace(plain(), torch.zeros(1, 3, 8, 8)), d
    ),
    "the images lead back to pixels from": lambda _, d: ow.corrupt(replace(d, mean=4.0), noise=0.1),
    "was trained on the classes": other_order,
    "only 0 of them are among these": other_pixels,
    "is not among the supported operators": odd_operator,
    "torch.fx cannot follow the model's forward": branching,
}


def test_every_refusal_of_the_page_is_provoked_here():
    assert list(PROVOKED) == REFUSALS


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:Warning")
@pytest.mark.parametrize("words", PROVOKED)
def test_a_refusal_has_the_words_of_the_page(words, tmp_path, data):
    with pytest.raises(ValueError, match=re.escape(words)):
        PROVOKED[words](tmp_path, data)
