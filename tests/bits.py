"""What tests compare bit for bit, and the map of a pool of threads."""

import io
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from trpo.types import Map


class Values(pickle.Pickler):
    """Pickles values alone: neither which objects are one and the same, nor how memory is laid."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.fast = True  # no memo

    def reducer_override(self, value: Any) -> Any:
        """Tensors and arrays by type, shape and bytes."""
        if isinstance(value, torch.Tensor):
            return torch.from_numpy, (value.detach().numpy(),)
        if isinstance(value, np.ndarray):
            return np.frombuffer, (value.tobytes(), value.dtype.str, value.shape)
        return NotImplemented


def bits(tree: Any) -> bytes:
    """Everything in a tree of tuples, arrays, tensors and objects, byte for byte."""
    file = io.BytesIO()
    Values(file).dump(tree)
    return file.getvalue()


@contextmanager
def threads(count: int) -> Iterator[Map]:
    """The map of a pool."""
    with ThreadPoolExecutor(count, initializer=partial(torch.set_num_threads, 1)) as pool:
        yield pool.map
