"""Answers twin.test.ts: what the networks in PyTorch make, in float32, of what it left in a folder."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import torch

import losses
from networks import Network, read_network
from tensor_files import read_tensors, write_tensors

folder, *models = sys.argv[1:]
torch.set_num_threads(1)
for preset, model in (pair.split("=") for pair in models):
    asked = read_tensors(f"{folder}/{preset}.safetensors")
    network = Network(preset, read_network(preset, model), torch.float32).eval()
    with torch.no_grad():
        answer = {"picture": network(asked["content"], asked["style"])}
    (network(asked["little"], asked["other"]) * asked["probe"]).sum().backward()
    answer |= {f"gradient.{name}": tensor.grad for name, tensor in network.tensors().items()}
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
