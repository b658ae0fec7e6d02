"""
Compares this peer with fixtures of the released code: outputs, losses and gradients.

    python3 bench/peers/check.py [--double] FIXTURE.safetensors...
"""
from __future__ import annotations

import argparse
import sys

import torch

import fixture
from losses import global_loss, local_loss, local_targets
from model import PRESETS, Model

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("files", nargs="+")
parser.add_argument("--double", action="store_true", help="compute in double precision")
options = parser.parse_args()
SEED = 6666
failed = False


def check(name: str, error: float, limit: float) -> None:
    global failed
    failed |= not error <= limit
    print(f"{'ok  ' if error <= limit else 'FAIL'} {name:45s} {error:.2e} (at most {limit:.0e})")


def relative(got: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference over the largest value."""
    return ((got - wanted).abs().max() / wanted.abs().max()).item()


for path in options.files:
    wanted, metadata = fixture.read_safetensors(path)
    model = Model(PRESETS["vgg19-image"])
    fixture.fill(model)
    if options.double:
        model.double()
        wanted = {name: tensor.double() for name, tensor in wanted.items()}
    model.vgg.requires_grad_(False)
    content, style = model.vgg(wanted["content"]), model.vgg(wanted["style"])
    stages = model.stages(content, model.style(style, SEED))
    result = model.vgg(stages["output"])
    losses = {
        "loss_global": 10 * global_loss(result, style),
        "loss_local": 3 * local_loss(result, local_targets(content, style, SEED)),
    }
    sum(losses.values()).backward()

    print(path)
    stages.update({f"content.relu{level}_1": content[level - 1] for level in range(1, 6)})
    for name, got in stages.items():
        check(name, relative(got.detach(), wanted[name]), 1e-4)
    for name, loss in losses.items():
        check(name, abs(loss.item() / float(metadata[name]) - 1), 1e-4)
    norms, heads = [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None
        norm = wanted[f"grad_norm.{name}"].item()
        head = wanted[f"grad_head.{name}"].flatten()
        # A bias of g adds the same to every logit of a softmax row: its gradient is zero but for rounding. Measure it
        # against that of g.weight.
        scale = wanted[f"grad_norm.{name.replace('g.bias', 'g.weight')}"].item()
        norms.append((abs(parameter.grad.norm().item() - norm) / scale, name))
        heads.append(((parameter.grad.flatten()[: head.numel()] - head).abs().max().item() / scale, name))
    check(f"gradient norms, {len(norms)} tensors ({max(norms)[1]})", max(norms)[0], 1e-3)
    check(f"gradients, first values ({max(heads)[1]})", max(heads)[0], 1e-3)
sys.exit(failed)
