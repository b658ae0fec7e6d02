"""Says in one sentence what is missing before anything else is imported."""
from __future__ import annotations

import importlib.util
import sys

PACKAGES = {"torch": "python3-torch", "numpy": "python3-numpy", "PIL": "python3-pil"}

_missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
if _missing:
    sys.exit(
        "Expected PyTorch, NumPy and Pillow but they are not all installed; on Debian: "
        f"apt-get install {' '.join(_missing)} libopenblas0-pthread. `adaattn train` needs none of them."
    )
