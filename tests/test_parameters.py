"""Ranges and choices stand in signatures, and `check` holds arguments to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Literal

import pytest

from trpo.parameters import (
    Count,
    Finite,
    Fraction,
    Natural,
    NonNegative,
    ParameterError,
    Positive,
    Range,
    check,
)


@dataclass(frozen=True)
class Inner:
    shrink: Fraction = 0.5
    kind: Literal["a", "b"] = "a"


def built(
    width: int,
    *,
    delta: Positive = 0.01,
    count: Count | None = None,
    hidden: Sequence[Count] = (64,),
    free: Finite = 0.0,
    least: NonNegative = 0.0,
    none: Natural = 0,
    inner: Inner = Inner(),
) -> None:
    """A signature as the suite's are."""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"delta": 0.0}, "delta must be positive, not 0.0"),
        ({"delta": nan}, "delta must be positive, not nan"),
        ({"delta": inf}, "delta must be positive, not inf"),
        ({"count": 0}, "count must be at least 1, not 0"),
        ({"hidden": [8, 0]}, "hidden must be at least 1, not [8, 0]"),
        ({"free": -inf}, "free must be finite, not -inf"),
        ({"least": -1e-9}, "least must be at least 0, not -1e-09"),
        ({"none": -1}, "none must be at least 0, not -1"),
        ({"inner": {"shrink": 1.5, "kind": "a"}}, "inner.shrink must be within [0, 1], not 1.5"),
        ({"inner": Inner(kind="c")}, "inner.kind must be one of a, b, not c"),  # type: ignore[arg-type]
    ],
)
def test_the_first_value_out_of_range_is_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check(built, given)
    assert str(caught.value) == told


def test_what_is_inside_absent_none_or_not_of_the_signature_passes() -> None:
    inner = {"shrink": 1.0, "kind": "b"}
    check(built, {"delta": 1e-9, "count": None, "hidden": [1], "inner": inner, "other": -1})
    check(built, {"count": 1, "none": 0, "least": 0, "free": -5})


@pytest.mark.parametrize(
    ("bounds", "words", "inside", "outside"),
    [
        (Range(0, 1, (False, False)), "within (0, 1)", 0.5, [0, 1]),
        (Range(0, 1, (False, True)), "within (0, 1]", 1, [0, 1.1]),
        (Range(1, inf, (False, True)), "above 1", 1.1, [1, inf]),
        (Range(2), "at least 2", 2, [1, inf]),
    ],
)
def test_a_range_says_what_it_holds(
    bounds: Range, words: str, inside: float, outside: list[float]
) -> None:
    assert bounds.words == words
    assert bounds.holds(inside)
    assert not any(bounds.holds(x) for x in outside)
