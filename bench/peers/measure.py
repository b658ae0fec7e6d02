"""What the measuring scripts share: pinned threads, flushed denormals, wall time and peak memory."""
from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable

# Import this module first: OpenMP reads the variable once, when PyTorch loads it. Threads that spin while they wait are fifty
# times slower as soon as anything else runs on the machine; threads that sleep cost little on an idle one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch  # noqa: E402


def prepare(threads: int) -> None:
    # Peaked softmax rows are full of denormals, which are many times slower. First: threads inherit it from their maker.
    assert torch.set_flush_denormal(True), "Expected a processor that can flush denormals"
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    if blas() == "reference":
        sys.exit("Expected an optimized BLAS for PyTorch but found the reference one; install libopenblas0-openmp.")


def blas() -> str:
    """Which BLAS multiplies matrices. Debian's PyTorch takes the system's; the reference one is twenty times slower than OpenBLAS."""
    if not sys.platform.startswith("linux"):
        return "unknown"
    with open("/proc/self/maps") as maps:
        loaded = maps.read()
    known = [name for name in ("openblas", "mkl_rt", "libmkl", "blis", "atlas") if name in loaded]
    if known:
        return known[0]
    return "reference" if "/libblas.so" in loaded else "bundled"


def repeat(action: Callable[[], object], warm: int, times: int) -> list[float]:
    """Seconds of each of `times` runs, after `warm` that are not counted."""
    seconds = []
    for index in range(warm + times):
        start = time.perf_counter()
        action()
        if index >= warm:
            seconds.append(time.perf_counter() - start)
    return seconds


def report(seconds: list[float], **facts: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    median = statistics.median(seconds)
    facts.update(torch=torch.__version__, blas=blas(), ompWaitPolicy=os.environ["OMP_WAIT_POLICY"], threads=torch.get_num_threads())
    facts.update(medianSeconds=median, seconds=seconds, peakRssBytes=peak)
    if "batch" in facts:
        facts["samplesPerSecond"] = facts["batch"] / median
    print(json.dumps(facts))
