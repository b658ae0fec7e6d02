"""Answers twin.test.ts: what the networks in PyTorch make, in float32, of what it left in a folder."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import torch
from torch import Tensor

import losses
from networks import Network, read_network
from operations import channels_last, normalize
from tensor_files import read_tensors, write_tensors



class Target:
    """What losses.LocalTarget is to the supervision: [n, h, w, c] at all positions."""

    def __init__(self, value: Tensor) -> None:
        self.grid = slice(None), slice(None)
        self.value = value.flatten(1, 2)


def trained(network: Network, asked: dict[str, Tensor]) -> dict[str, Tensor]:
    """What training adds to a network: losses, and the gradients of each, heads' too."""
    supervision = losses.DeepSupervision(network, (0, 0, 0, 6, 5))
    heads = {f"supervision.{level}.weight": head for level, head in zip(supervision.levels, supervision.heads)}
    heads |= {"supervision.decoder.weight": supervision.deep, "supervision.decoder.bias": supervision.bias}
    for name, head in heads.items():
        head.data.copy_(asked[name].reshape(head.shape))
    keys = {level: channels_last(normalize(asked[f"judged{level}"])) for level in (4, 5)}
    painted = {level: channels_last(normalize(asked[f"judgedStyle{level}"])).flatten(1, 2) for level in (4, 5)}
    batches = ({f"keys{level}": value for level, value in each.items()} for each in (keys, painted))
    result = network(asked["contents"], asked["styles"])
    terms = {
        "picture": (result * asked["probes"]).sum(),
        "sleep": sum(network.sleepiness) / len(network.sleepiness),
        "supervision": supervision(network, *batches, Target(channels_last(asked["target"])), 3.0),
    }
    answer = {f"loss.{name}": term.detach().reshape(1) for name, term in terms.items()}
    tensors = network.tensors() | heads
    for name, term in terms.items():
        found = torch.autograd.grad(term, tensors.values(), retain_graph=True, allow_unused=True)
        answer |= {f"{name}.{key}": g for key, g in zip(tensors, found) if g is not None}
    return answer


folder, *models = sys.argv[1:]
torch.set_num_threads(1)
for preset, model in (pair.split("=") for pair in models):
    asked = read_tensors(f"{folder}/{preset}.safetensors")
    network = Network(preset, read_network(preset, model), torch.float32).eval()
    with torch.no_grad():
        answer = {"picture": network(asked["content"], asked["style"])}
    (network(asked["little"], asked["other"]) * asked["probe"]).sum().backward()
    answer |= {f"gradient.{name}": tensor.grad for name, tensor in network.tensors().items()}
    answer |= trained(network.train(), asked)
    write_tensors(f"{folder}/{preset}.answer.safetensors", answer, kind="F32")

asked = read_tensors(f"{folder}/similarity.safetensors")
brightness, structure = losses.similarity_parts(asked["one"], asked["other"])
answer = {
    "similarity": (brightness * structure).mean(),
    "structure": losses.structure(asked["board"], asked["paler"]),
    "brighter": losses.structure(asked["one"], asked["one"] + 0.2),
    "weave": losses.weave(asked["result"]),
    "strokes": losses.stroke_energy(asked["result"], {"x": asked["painting"]}),
}
write_tensors(f"{folder}/similarity.answer.safetensors", {k: v.reshape(1) for k, v in answer.items()}, kind="F32")
