"""Answers train.test.ts: what is said to weights of another network, and to each line of options, one line each."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from networks import read_network
from train import parse_options


def say(refused) -> None:
    try:
        refused()
        print("accepted")
    except SystemExit as error:
        print(error)


NEEDED = ["--start", "x", "--loss-network", "x", "--content", "x", "--style", "x", "--out", "there-is-no-run"]
_, weights, *lines = sys.argv
say(lambda: read_network("small", weights))
for line in lines:
    sys.argv = ["train.py", *NEEDED, *line.split()]
    say(parse_options)
