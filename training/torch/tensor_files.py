"""Reads and writes safetensors files: 8 bytes of header length, a JSON header, the data."""
from __future__ import annotations

import json
import os
import sys

import numpy as np
import torch
from torch import Tensor

TYPES = {"F16": "<f2", "F32": "<f4"}


def read_tensors(path: str) -> dict[str, Tensor]:
    """The tensors of a file by name, in float32. Ends the program with one sentence where it is no such file."""
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > os.path.getsize(path):
                raise ValueError("no header")
            header = json.loads(file.read(length))
            data = file.read()
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            values = np.frombuffer(data[start:end], TYPES[entry["dtype"]]).astype("f4")
            tensors[name] = torch.from_numpy(values.reshape(entry["shape"]))
        return tensors
    except OSError as error:
        sys.exit(f"Expected a safetensors file at {path} but received: {error.strerror}.")
    except (ValueError, KeyError, TypeError, AttributeError):
        sys.exit(f"Expected a safetensors file of F16 or F32 tensors at {path} but received another or a damaged one.")


def write_tensors(path: str, tensors: dict[str, Tensor], architecture: str | None = None, kind: str = "F16") -> None:
    """Writes a file as models/*/model.safetensors are, under a temporary name first."""
    header: dict[str, object] = {} if architecture is None else {"__metadata__": {"architecture": architecture}}
    blocks, position = [], 0
    for name, tensor in tensors.items():
        block = tensor.detach().cpu().float().numpy().astype(TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [position, position + len(block)]}
        blocks.append(block)
        position += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{path}.tmp", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(blocks))
    os.replace(f"{path}.tmp", path)


def check_tensors(tensors: dict[str, Tensor], shapes: dict[str, tuple[int, ...]], path: str, what: str) -> None:
    """Ends the program with one sentence where a file lacks a tensor, or has it in another shape."""
    for name, shape in shapes.items():
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != shape:
            received = "none" if found is None else f"one of shape {list(found)}"
            sys.exit(f"Expected the tensor {name} of shape {list(shape)} of {what} in {path} but received {received}.")
