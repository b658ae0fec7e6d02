"""Weights that any language can generate, and a reader of safetensors files (numpy only)."""
from __future__ import annotations

import json
import math

import numpy as np
import torch
from torch import Tensor, nn

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "U8": np.uint8}


def read_safetensors(path: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file: 8 bytes of header length, a JSON header, the data."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(data[start:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors, metadata


def unit(name: str, count: int) -> np.ndarray:
    """`count` numbers in [0, 1): FNV-1a of the name, a Weyl sequence, the finaliser of murmur3, all modulo 2^32."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 % 2**32
    x = np.uint32(seed) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x / 2.0**32


def weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """Uniform in +-a: 0.05 for a bias, sqrt(6 / fan in) for a weight, a quarter of that for the attention's f and g."""
    amplitude = 0.05 if name.endswith(".bias") else math.sqrt(6 / math.prod(shape[1:]))
    if name.endswith((".f.weight", ".g.weight")):
        amplitude *= 0.25
    values = (2 * unit(name, math.prod(shape)) - 1) * amplitude
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


@torch.no_grad()
def fill(module: nn.Module, prefix: str = "") -> None:
    """Give every parameter of a module the weights that belong to its name."""
    for name, parameter in module.named_parameters():
        parameter.copy_(weight(prefix + name, tuple(parameter.shape)))
