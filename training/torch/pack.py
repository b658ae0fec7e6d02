"""
Makes a folder of everything that training needs, about 30 MB, for a machine that nothing else can reach: the programs, the first
weights, the loss network in half precision, and pictures whose shorter side is 272 pixels.

  python3 pack.py OUT --start model.safetensors --loss-network vgg19-normalised.safetensors --content DIR --style DIR
"""
from __future__ import annotations

import environment  # noqa: F401  isort: skip (first: it says what is missing)

import argparse
import glob
import os
import random
import shutil

from PIL import Image

from data import picture_paths
from tensor_files import read_tensors, write_tensors

SIDE = 272
"""A little more than the largest crop, so that windows at their own scale differ."""


def pack_pictures(folder: str, out: str, most: int) -> int:
    """Writes at most so many of a folder's pictures, chosen by chance but always the same; gives how many there are."""
    paths = picture_paths(folder)
    random.Random(3).shuffle(paths)
    os.makedirs(out, exist_ok=True)
    for index, path in enumerate(paths[:most]):
        picture = Image.open(path).convert("RGB")
        share = SIDE / min(picture.size)
        if share < 1:
            picture = picture.resize([max(SIDE, round(side * share)) for side in picture.size], Image.LANCZOS)
        picture.save(f"{out}/{index:05d}.jpg", quality=80)
    return min(most, len(paths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="a folder, which is made")
    parser.add_argument("--start", required=True, help="a model.safetensors")
    parser.add_argument("--loss-network", required=True, help="the normalized VGG-19")
    parser.add_argument("--content", required=True, help="folder of photographs")
    parser.add_argument("--style", required=True, help="folder of paintings")
    parser.add_argument("--most", type=int, default=900, help="pictures of each kind")
    options = parser.parse_args()
    loss_network = read_tensors(options.loss_network)
    counts = [pack_pictures(getattr(options, kind), f"{options.out}/{kind}", options.most) for kind in ("content", "style")]
    write_tensors(f"{options.out}/loss-network.safetensors", loss_network)
    shutil.copyfile(options.start, f"{options.out}/start.safetensors")
    for path in glob.glob(f"{os.path.dirname(os.path.abspath(__file__))}/*.py"):
        shutil.copy(path, options.out)
    print(f"{counts[0]} photographs and {counts[1]} paintings in {options.out}")


if __name__ == "__main__":
    main()
