"""Files in COCO's format: each expected value is computed from the written pictures and boxes."""

from __future__ import annotations

import json
import warnings
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from PIL import Image

from optiwidgets.engine.data import coco_dataset
from optiwidgets.engine.data.coco import corners_of
from optiwidgets.engine.data.dataset import PARTS, fingerprint
from optiwidgets.engine.data.loaders import load_dataset

CATEGORIES = [{"id": 7, "name": "cell"}, {"id": 2, "name": "parasite"}]  # with gaps, not sorted
WIDE, HIGH = 24, 16


@dataclass
class Coco:
    """Tiny set of pictures with bright rectangles, written as a file of COCO's format."""

    folder: object
    content: dict = field(default_factory=dict)

    def draw(self, boxes, size=(WIDE, HIGH), name=None, shade=0):
        """Add a picture with boxes (category id, x, y, w, h), each painted in its own colour."""
        key = len(self.content["images"]) + 100
        name = name or f"{key}.png"
        pixels = np.full((size[1], size[0], 3), shade, np.uint8)
        pixels[0, 0] = key  # all pictures differ
        for category, x, y, wide, high in boxes:
            pixels[y : y + high, x : x + wide] = 100 + 10 * category
            self.annotate(key, category, [x, y, wide, high])
        (self.folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(self.folder / name)
        listed = {"id": key, "file_name": name, "width": size[0], "height": size[1]}
        self.content["images"].append(listed)
        return key

    def annotate(self, image, category, bbox, **more):
        count = len(self.content["annotations"])
        row = {"id": count, "image_id": image, "category_id": category, "bbox": bbox, "iscrowd": 0}
        self.content["annotations"].append({**row, **more})

    def write(self, name="annotations.json"):
        path = self.folder / name
        path.write_text(json.dumps(self.content))
        return path


@pytest.fixture
def coco(tmp_path):
    made = Coco(tmp_path / "pictures")
    made.folder.mkdir()
    made.content = {"images": [], "annotations": [], "categories": deepcopy(CATEGORIES)}
    return made


@pytest.fixture
def small(coco):
    """Eight images: of two cells, four parasites beside a cell, and two without a box."""
    for index in range(8):
        cell, parasite = (7, 1, 2, 8, 6), (2, 12, 3 + index, 4, 5)
        coco.draw([[], [cell], [cell, parasite], [cell, parasite]][index % 4])
    return coco


def boxes_of(dataset):
    """Return the boxes of all images by the bytes of their pixels 0..255."""
    found = {}
    for name in PARTS:
        images, targets = getattr(dataset, name)
        pixels = (255 * dataset.pixels(images)).round().to(torch.uint8).numpy()
        for image, rows in zip(pixels, targets.numpy(), strict=True):
            found[image.tobytes()] = rows[rows[:, 4] >= 0].tolist()
    return found


def test_boxes_follow_their_images_into_the_parts(small):
    data = load_dataset(small.write(), images=small.folder)
    said = f"2 classes, images 3 x {HIGH} x {WIDE}, 10 boxes, "
    assert said in repr(data)
    assert data.targets == "boxes"
    assert data.class_names == ("parasite", "cell")  # by id
    read = boxes_of(data)
    assert len(read) == 8
    for entry in small.content["images"]:
        pixels = np.asarray(Image.open(small.folder / entry["file_name"])).transpose(2, 0, 1)
        expected = [
            [x, y, x + wide, y + high, {7: 1, 2: 0}[note["category_id"]], 0]
            for note in small.content["annotations"]
            if note["image_id"] == entry["id"]
            for x, y, wide, high in [note["bbox"]]
        ]
        assert read[pixels.tobytes()] == expected
    again = load_dataset(str(small.folder / "annotations.json"))  # the file's own folder
    assert fingerprint(again.sealed) == fingerprint(data.sealed)


def test_every_part_has_boxes_of_both_classes_and_images_without(coco):
    for index in range(45):
        coco.draw([[], [(7, 1, 2, 8, 6)], [(7, 0, 0, 2, 2), (2, 12, 3, 4, 5)]][index % 3])
    data = load_dataset(coco.write())
    for name in PARTS:
        targets = getattr(data, name)[1]
        present = {tuple(sorted({*row.tolist()} - {-1.0})) for row in targets[:, :, 4]}
        assert present == {(), (1.0,), (0.0, 1.0)}
    assert len(data.train[1]) > len(data.exploration[1]) > len(data.sealed[1])
    other = load_dataset(coco.write(), seed=1)
    assert fingerprint(other.sealed) != fingerprint(data.sealed)
    shares = {"train": 0.7, "calibration": 0.1, "exploration": 0.1, "sealed": 0.1}
    shared = load_dataset(coco.write(), parts=shares)
    assert [len(getattr(shared, name)[1]) for name in PARTS] == [27, 6, 6, 6]


@pytest.mark.parametrize("resize", ["pad", "squash"])
@pytest.mark.parametrize("size", [(48, 48), (20, 70), (31, 37)])
def test_boxes_are_where_their_pixels_are(coco, resize, size):
    """Bright rectangles are found again in the resized pixels, to half a pixel."""
    sizes = [(60, 40), (40, 60), (80, 80), (90, 30)]
    for wide, high in sizes:
        coco.draw([(7, wide // 4, high // 2, wide // 2, high // 4)], (wide, high))
    data = load_dataset(coco.write(), size=size, resize=resize)
    assert data.shape == (3, *size)
    for name in PARTS:
        images, targets = getattr(data, name)
        pixels = data.pixels(images)[0, 0].numpy()
        bright = pixels > 85 / 255  # half of 170
        bright[:2, :2] = False
        x0, y0, x1, y1 = targets[0, 0, :4].tolist()
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose([x0, y0, x1, y1], found, atol=0.51)


def test_pictures_of_different_sizes_are_letterboxed_to_320(small):
    small.draw([(7, 10, 10, 20, 30)], (640, 320))
    data = load_dataset(small.write())
    assert data.shape == (3, 320, 320)
    boxes = [box for rows in boxes_of(data).values() for box in rows]
    assert [5.0, 85.0, 15.0, 100.0, 1.0, 0.0] in boxes  # half as large, 80 rows of black above


def test_gray_normalization_progress_and_classes(small):
    seen = []
    data = load_dataset(
        small.write(), gray=True, mean=0.5, std=0.25, classes=["cell"], on_progress=seen.append
    )
    assert data.shape == (1, HIGH, WIDE)
    assert (data.mean, data.std) == ([0.5], [0.25])
    assert data.class_names == ("cell",)
    assert "6 boxes" in repr(data)  # parasites are not read, and no image is left out
    assert sum(len(getattr(data, name)[1]) for name in PARTS) == 8
    assert [step.done for step in seen] == [index / 8 for index in range(9)]
    swapped = load_dataset(small.write(), classes=["cell", "parasite"])
    assert swapped.class_names == ("cell", "parasite")


def test_crowds_are_kept(small):
    small.annotate(100, 2, [0, 0, 10, 10], iscrowd=1, segmentation={"counts": [1, 2]})
    rows = [row for rows in boxes_of(load_dataset(small.write())).values() for row in rows]
    assert [row for row in rows if row[5]] == [[0, 0, 10, 10, 0, 1]]


def test_a_box_is_clipped_by_one_pixel_at_most_and_counted(small):
    small.annotate(100, 7, [-0.4, -1, 8, 8])
    small.annotate(100, 2, [WIDE - 3.5, 2, 3.5 + 1e-9, 4])  # an error of floats, not of a box
    data = load_dataset(small.write())
    assert data.description == "1 box clipped at the edge of its image, by 1 pixel at most"
    (rows,) = (rows for rows in boxes_of(data).values() if len(rows) == 2 and rows[0][0] == 0)
    np.testing.assert_allclose(rows, [[0, 0, 7.6, 7, 1, 0], [20.5, 2, 24, 6, 0, 0]], rtol=1e-6)


def test_a_class_that_is_not_explored_is_named(coco):
    for index in range(6):
        coco.draw([(7, index, 0, 3, 3)])
    data = load_dataset(coco.write())
    assert data.description == "no box of parasite in the exploration part"
    coco.content["categories"] += [{"id": 10 + n, "name": f"ring {n}"} for n in range(6)]
    listed = "parasite, ring 0, ring 1, ring 2, ring 3 and 2 other classes"
    described = load_dataset(coco.write()).description
    assert described == f"no box of {listed} in the exploration part"
    with pytest.raises(ValueError, match=r"annotations.json: no box of parasite, ring 0$"):
        load_dataset(coco.write(), classes=["parasite", "ring 0"])


def test_several_files_are_the_parts(coco, tmp_path):
    for _ in range(10):
        coco.draw([(7, 2, 2, 5, 5)])
    train = coco.write("train.json")
    val = Coco(tmp_path / "val", {**deepcopy(coco.content), "images": [], "annotations": []})
    val.folder.mkdir()
    for index in range(6):
        val.draw([(2, index, 1, 3, 3)], shade=50)
    files = {"train": train, "val": val.write("val.json")}
    data = load_dataset(files, images={"train": coco.folder, "val": val.folder})
    assert [len(getattr(data, name)[1]) for name in PARTS] == [9, 1, 3, 3]
    assert {float(box[4]) for box in data.exploration[1][:, 0]} == {0.0}
    assert {float(box[4]) for box in data.train[1][:, 0]} == {1.0}
    named = {"fit": files["train"], "eval": files["val"]}
    mapped = load_dataset(named, parts={"train": "fit", "exploration": "eval"})
    assert fingerprint(mapped.sealed) == fingerprint(data.sealed)
    with pytest.raises(ValueError, match="images has no folder for 'val'; it has train"):
        load_dataset(files, images={"train": coco.folder})
    with pytest.raises(ValueError, match="named train, val and test, not fit, eval"):
        load_dataset(named)
    with pytest.raises(ValueError, match="images of train alone; needed are"):
        load_dataset({"train": train})
    val.content["categories"][0]["name"] = "ring"
    val.write("val.json")
    with pytest.raises(ValueError, match=r"categories of .*val.json are parasite, ring, of .*trai"):
        load_dataset(files)


def annotated(**values):
    return lambda content: content["annotations"][0].update(values)


def repeated(**values):
    """Add the first annotation, of 101.png, once more, with another id."""
    return lambda c: c["annotations"].append({**c["annotations"][0], "id": 90, **values})


def listed(place=0, **values):
    return lambda content: content["images"][place].update(values)


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (annotated(bbox=[20, 2, 8, 6]), r"101.png, annotation 0: bbox \[20, 2, 8, 6\] is outside"),
        (annotated(bbox=[1, 12, 8, 6]), "outside the image of 24 x 16 pixels by 2"),
        (annotated(bbox=[-1.5, 2, 8, 6]), r"bbox \[-1.5, .* is outside .* pixels by 1.5"),
        (annotated(bbox=[1, -3, 8, 6]), "101.png, annotation 0: .* outside the image"),
        (annotated(bbox=[24, 2, 0.5, 6]), "101.png, annotation 0: .* outside the image"),
        (annotated(bbox=[1, 2, 0, 6]), r"101.png, annotation 0: bbox \[1, 2, 0, 6\] has an area"),
        (annotated(bbox=[1, 2, 8, 0]), "101.png, annotation 0: .* has an area of 0"),
        (annotated(bbox=[9, 2, -8, 6]), r"101.png, annotation 0: bbox \[9, 2, -8, 6\] .* swapped"),
        (annotated(bbox=[1, 8, 8, -6]), "101.png, annotation 0: .* corners are swapped"),
        (annotated(bbox=[1, NAN, 8, 6]), r"101.png, annotation 0: bbox \[1, nan, 8, 6\] .* finite"),
        (annotated(bbox=[1, 2, 1e999, 6]), "101.png, annotation 0: .* not finite"),
        (annotated(bbox=[10**400, 2, 8, 6]), "101.png, annotation 0: .* not finite"),
        (annotated(bbox=[1, 2, 8]), r"101.png, annotation 0: bbox \[1, 2, 8\] is not 4 numbers"),
        (annotated(bbox=[1, 2, "8", 6]), "101.png, annotation 0: .* is not 4 numbers"),
        (annotated(bbox=[1, 2, True, 6]), "101.png, annotation 0: .* is not 4 numbers"),
        (annotated(bbox=None), "101.png, annotation 0: bbox None is not 4 numbers"),
        (lambda c: c["annotations"][0].pop("bbox"), "101.png, annotation 0 has no bbox"),
        (annotated(category_id=5), "101.png, annotation 0 is of an unknown category_id, 5"),
        (annotated(category_id=[]), r"101.png, annotation 0 is of an unknown category_id, \[\]"),
        (annotated(category_id=True), "annotation 0 is of an unknown category_id, True"),
        (annotated(image_id=99), "annotation 0 is of an unknown image_id, 99"),
        (lambda c: c["annotations"][0].pop("image_id"), "0 is of an unknown image_id, None"),
        (annotated(iscrowd=2), "101.png, annotation 0: iscrowd is 0 or 1, not 2"),
        (annotated(iscrowd=None), "101.png, annotation 0: iscrowd is 0 or 1, not None"),
        (
            repeated(),
            "101.png, annotation 90: category 7, bbox .* is that of annotation 0",
        ),
        (repeated(id=None), "101.png, annotation None: .* is that of annotation 0"),
        (repeated(bbox=[1.0, 2, 8, 6.0]), "101.png, annotation 90: .* is that of annotation 0"),
        (repeated(id=1, category_id=2), "annotation 1 twice, the second time in 101.png"),
        (listed(id=101), "lists image 101 twice: 100.png and 101.png"),
        (listed(file_name="101.png"), "lists 101.png twice, the second time as image 101"),
        (listed(1, file_name="./100.png"), "lists ./100.png twice, the second time as image 101"),
        (listed(1, file_name="../pictures/100.png"), "twice, the second time as image 101"),
        (listed(file_name="a" * 5000), "of image 100 is not in .*pictures"),
        (listed(file_name="1.png"), "1.png of image 100 is not in .*pictures"),
        (listed(file_name=""), "image 100 has no file_name"),
        (listed(id=None), r"images\[0\] has an id that is a number or text, not None"),
        (listed(width=25), "100.png is 25 x 16 pixels there, and the picture 24 x 16: its boxes"),
        (listed(width=16, height=24), "the picture 24 x 16, as it is turned by its EXIF"),
        (listed(width=0), "width of 100.png is pixels, 1 or more, not 0"),
        (listed(height=None), "height of 100.png is pixels, 1 or more, not None"),
        (lambda c: c["categories"][0].update(id=2), "lists category 2 twice"),
        (lambda c: c["categories"][0].update(id="7"), r"numbers or texts, not both: \['7', 2\]"),
        (lambda c: c["categories"][0].update(name="parasite"), "two classes are named 'parasite'"),
        (lambda c: c["categories"][0].pop("name"), "category 7 has no name"),
        (lambda c: c.update(images=[]), "annotations.json holds no images"),
        (lambda c: c.update(annotations=[]), "annotations.json holds no annotations"),
        (lambda c: c.pop("annotations"), "no list 'annotations'; COCO's format of detection has"),
        (lambda c: c["images"].insert(1, 5), r"images\[1\] is an object, not 5"),
    ],
)
def test_a_wrong_entry_is_refused_by_file_image_and_value(small, change, message):
    small.draw([(7, 1, 2, 8, 6)])
    change(small.content)
    with pytest.raises(ValueError, match=message) as error:
        load_dataset(small.write(), images=small.folder)
    assert "annotations.json" in str(error.value)


def test_boxes_as_shares_of_the_image_are_refused(small):
    """A single box beyond the first pixel shows that boxes are in pixels."""
    for note in small.content["annotations"]:
        x, y, wide, high = note["bbox"]
        note["bbox"] = [x / WIDE, y / HIGH, wide / WIDE, high / HIGH]
    edge = small.content["annotations"][0]["bbox"]
    edge[2] = 1 + 1e-9 - edge[0]  # a sum of decimals
    with pytest.raises(ValueError, match=r"annotations.json: all [0-9]+ boxes lie within 0..1"):
        load_dataset(small.write())
    small.annotate(100, 2, [0, 0, 1, 3])
    assert load_dataset(small.write()).targets == "boxes"


def test_boxes_of_one_place_differ_in_image_or_class_and_need_no_id(small):
    """Only a box of the same image and class is one that is listed twice."""
    small.annotate(101, 2, [1, 2, 8, 6])
    for note in small.content["annotations"]:
        del note["id"]
    read = boxes_of(load_dataset(small.write()))
    assert sum(map(len, read.values())) == len(small.content["annotations"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [', "annotations.json is not JSON: Expecting value: line 1"),
        (b"\xff\xfe\x00", "annotations.json is not JSON"),
        (b"[" * 100_000, "annotations.json is not JSON"),
        (b"[]", "is an object with images, annotations and categories, not list"),
        (b"{}", "has no list 'images'"),
    ],
)
def test_a_file_that_is_no_coco_file_is_refused(tmp_path, content, message):
    (tmp_path / "annotations.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_dataset(tmp_path / "annotations.json")


def test_a_broken_picture_is_refused_and_nothing_is_kept(small, monkeypatch):
    stores = []

    class Store(coco_dataset.PixelStore):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            stores.append(self)

    monkeypatch.setattr(coco_dataset, "PixelStore", Store)
    (small.folder / "105.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"annotations.json: a picture cannot be read: 105.png"):
        load_dataset(small.write())
    assert [len(store) for store in stores] == [5]
    for entry in small.content["images"]:
        entry.update(width=None, height=None)
    with pytest.raises(ValueError, match=r"annotations.json: 105.png cannot be read"):
        load_dataset(small.write())
    assert len(stores) == 1  # refused before a picture is decoded


def test_sizes_that_are_not_listed_are_those_of_the_pictures(small):
    listed = load_dataset(small.write())
    for entry in small.content["images"]:
        del entry["width"], entry["height"]
    assert fingerprint(load_dataset(small.write()).train) == fingerprint(listed.train)


def test_a_picture_is_turned_by_its_orientation_under_boxes_of_the_upright_one(small):
    name = "turned.jpg"
    pixels = np.zeros((HIGH, WIDE, 3), np.uint8)
    pixels[:8, :8] = 200  # top left as stored; top right after a quarter turn clockwise
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(small.folder / name, exif=exif, quality=95)
    upright = {"id": 1, "file_name": name, "width": HIGH, "height": WIDE}
    small.content["images"].append(upright)
    small.annotate(1, 7, [8, 0, 8, 8])
    data = load_dataset(small.write(), size=(WIDE, HIGH))
    for name in PARTS:
        images, targets = getattr(data, name)
        for image, rows in zip(data.pixels(images), targets, strict=True):
            if rows[0, :4].tolist() == [8, 0, 16, 8]:
                assert image[:, :8, 8:].mean() > 0.7 > 0.1 > image[:, 8:].mean()
                return
    pytest.fail("the box of the turned picture is in no part")


@pytest.mark.parametrize(
    ("orientation", "side", "told"),
    [(3, WIDE, True), (2, WIDE, True), (6, HIGH, True), (6, WIDE, False), (1, WIDE, False)],
)
def test_a_picture_turned_without_another_size_is_told(small, orientation, side, told):
    """A half turn, or a quarter of a square, keeps the size: the file does not show the turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (side, HIGH)).save(small.folder / "turned.jpg", exif=exif)
    wide, high = (HIGH, side) if orientation == 6 else (side, HIGH)
    named = {"id": 1, "file_name": "turned.jpg", "width": wide, "height": high}
    small.content["images"].append(named)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        load_dataset(small.write())
    assert any("1 pictures are turned by their EXIF" in str(each.message) for each in found) == told


def test_options_out_of_range_are_refused(small):
    path = small.write()
    for options, message in (
        ({"resize": "crop"}, "'pad', 'squash' for images with boxes, not 'crop'"),
        ({"size": 7}, "size is 8 to 640 pixels, not 7"),
        ({"classes": ["cell", "ring"]}, "no category 'ring'; it has parasite, cell"),
        ({"classes": "cell"}, "classes are names of categories, not 'cell'"),
        ({"classes": []}, "1 class or more, not 0"),
        ({"parts": {"train": "a"}}, "parts of one file are shares"),
        ({"parts": {"train": 1.0}}, "parts are shares above 0"),
        ({"seed": -1}, "seed is a whole number"),
        ({"images": small.folder / "none"}, "there is no folder .*none"),
        ({"mean": 120.0}, "mean is of pixels 0..1, not 120"),
        ({"images": {"train": "a"}}, "images of one file are one folder, not folders for train"),
        ({"images": ["a"]}, r"images is the folder of the pictures, not \['a'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            load_dataset(path, **options)
    with pytest.raises(ValueError, match=r"none.json cannot be read: No such file"):
        load_dataset(small.folder / "none.json")
    with pytest.raises(ValueError, match=r"a dataset is a name, a folder or .*, not \['a.json'\]"):
        load_dataset(["a.json"], images=small.folder)
    with pytest.raises(ValueError, match="'digits' has a fixed size"):
        load_dataset("digits", images=small.folder)
    with pytest.raises(ValueError, match=r"of a COCO file, and .* is no file"):
        load_dataset(small.folder, images=small.folder)


def test_too_few_images_are_refused(coco):
    for _ in range(3):
        coco.draw([(7, 1, 2, 8, 6)])
    with pytest.raises(ValueError, match="3 images; four parts need 4 or more"):
        load_dataset(coco.write())


def test_a_box_too_thin_for_the_size_is_refused(coco):
    for _ in range(4):
        coco.draw([(7, 1, 2, 8, 6)], (400, 400))
    coco.annotate(100, 7, [390, 0, 1e-6, 5])
    with pytest.raises(ValueError, match=r"100.png has a box .* no area in an image of 320 x 320"):
        load_dataset(coco.write(), size=320)


def test_corners_are_those_of_cocos_x_y_width_height():
    assert corners_of([1, 2, 3, 4], (10, 10)) == ([1, 2, 4, 6], False)
    assert corners_of([-1, 0, 12, 10], (10, 10)) == ([0, 0, 10, 10], True)
