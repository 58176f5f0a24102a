#!/usr/bin/env bash
# The average precision of one set of boxes is 1.0 or 0.5, by the order in which its images are listed.
#
# Versions: pycocotools 2.0.11, faster-coco-eval 1.8.0, torchmetrics 1.9.0, torch 2.14.1,
# torchvision 0.29.1.
# Behaviour: detections are sorted by score alone, stably, so that of equal scores the one listed
# first comes first. Here a hit and a false alarm have the same score, each in an image of its own:
# with the hit's image first the precision at recall 1 is 1, with the other first it is 1/2. The boxes
# are the same. Quantized outputs have few values, so equal scores are to be expected there.
# The mean over both orders is 0.75.
# Output seen: "pycocotools 1.00 or 0.50, faster-coco-eval 1.00 or 0.50, torchmetrics 1.00 or 0.50".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycocotools==2.0.11 faster-coco-eval==1.8.0 \
  torchmetrics==1.9.0 torch==2.14.1 torchvision==0.29.1
cat > "$folder/compare.py" <<'PY'
import contextlib
import io
import warnings

import faster_coco_eval
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

warnings.filterwarnings("ignore")
BOX, ELSEWHERE = [10.0, 10.0, 30.0, 30.0], [50.0, 50.0, 70.0, 70.0]
HIT = {"true": [BOX], "found": [BOX]}  # of one image
FALSE = {"true": [], "found": [ELSEWHERE]}


def data_set(make, images, key, more):
    made = make()
    boxes = [(at, box) for at, image in enumerate(images, 1) for box in image[key]]
    made.dataset = {
        "info": {},
        "images": [{"id": at} for at in range(1, len(images) + 1)],
        "categories": [{"id": 1, "name": "object"}],
        "annotations": [
            {"id": place, "image_id": at, "category_id": 1, "iscrowd": 0, "area": 400.0, **more}
            | {"bbox": [x0, y0, x1 - x0, y1 - y0]}
            for place, (at, (x0, y0, x1, y1)) in enumerate(boxes, 1)
        ],
    }
    made.createIndex()
    return made


def by_coco(make, evaluate, images):
    with contextlib.redirect_stdout(io.StringIO()):
        sets = data_set(make, images, "true", {}), data_set(make, images, "found", {"score": 0.5})
        run = evaluate(*sets, "bbox")
        run.evaluate()
        run.accumulate()
    return run.eval["precision"][0, :, 0, 0, -1].mean()


def by_torchmetrics(images):
    metric = MeanAveragePrecision(backend="pycocotools")
    for image in images:
        found, true = (torch.tensor(image[key]).reshape(-1, 4) for key in ("found", "true"))
        classes = [torch.zeros(len(each), dtype=torch.long) for each in (found, true)]
        predicted = {"boxes": found, "scores": torch.full((len(found),), 0.5), "labels": classes[0]}
        metric.update([predicted], [{"boxes": true, "labels": classes[1]}])
    return metric.compute()["map_50"].item()


ways = {
    "pycocotools": lambda images: by_coco(COCO, COCOeval, images),
    "faster-coco-eval": lambda images: by_coco(
        faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, images
    ),
    "torchmetrics": by_torchmetrics,
}
said = (f"{name} {way([HIT, FALSE]):.2f} or {way([FALSE, HIT]):.2f}" for name, way in ways.items())
print(", ".join(said))
PY
seen=$("$folder/venv/bin/python" "$folder/compare.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "pycocotools 1.00 or 0.50, faster-coco-eval 1.00 or 0.50, torchmetrics 1.00 or 0.50" ]
