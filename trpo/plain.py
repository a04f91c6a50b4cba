"""Plain data: values that are no more than their content, which any process can read back."""

from typing import Any

import numpy as np

KINDS = (bool, int, float, complex, str, bytes, type(None))


def is_plain(value: Any) -> bool:
    """Whether the value is its deep copy and nothing else."""
    if type(value) is dict:
        return all(is_plain(part) for part in (*value, *value.values()))
    if type(value) in (list, tuple, set, frozenset):
        return all(is_plain(part) for part in value)
    if type(value) is np.ndarray:
        return not value.dtype.hasobject
    return type(value) in KINDS or isinstance(value, np.generic)
