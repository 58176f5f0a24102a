#!/usr/bin/env bash
# A timm LeViT in eval mode still uses old attention biases after load_state_dict.
#
# Versions: timm 1.0.31, torch 2.14.1, torchvision 0.29.1.
# Behaviour: LeViT's attention looks its biases up once per device, in the first forward pass in eval
# mode, and keeps the result in a plain dict that is neither parameter nor buffer. Parameters that
# change afterwards (load_state_dict, an average of weights, pruning in place) do not reach it: the
# scores are those of a mixture of old biases and new weights, without an error. Only train(True)
# empties the dict, so load_state_dict before the first eval pass is right, and after it is wrong.
# Output seen: "loaded after a pass: scores differ, after train() and eval(): scores equal".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet timm==1.0.31 torch==2.14.1 torchvision==0.29.1
cat > "$folder/load.py" <<'PY'
import timm
import torch


def net(seed):
    torch.manual_seed(seed)
    made = timm.create_model("levit_128s", num_classes=10).eval()
    for name, parameter in made.named_parameters():  # timm starts some of them at zero
        if name.endswith(("attention_biases", "bn.weight")):
            torch.nn.init.normal_(parameter)
    return made


def said(other):
    with torch.no_grad():
        difference = (other(images) - wanted).abs().max() / wanted.abs().max()
    return "scores equal" if difference < 1e-5 else "scores differ"


images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
trained, used = net(1), net(2)
with torch.no_grad():
    wanted = trained(images)
    used(images)
used.load_state_dict(trained.state_dict())
assert all(torch.equal(a, b) for a, b in zip(used.parameters(), trained.parameters()))
after = said(used)
print(f"loaded after a pass: {after}, after train() and eval(): {said(used.train().eval())}")
PY
seen=$("$folder/venv/bin/python" "$folder/load.py" 2>/dev/null | tail -n 1)
echo "$seen"
[ "$seen" = "loaded after a pass: scores differ, after train() and eval(): scores equal" ]
