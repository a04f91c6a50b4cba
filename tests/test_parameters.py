"""Ranges and choices stand in signatures, and `check` holds arguments to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from math import inf, nan
from typing import Literal

import pytest

from trpo.parameters import (
    Count,
    Delta,
    Finite,
    Fraction,
    Natural,
    NonNegative,
    ParameterError,
    Penalty,
    Positive,
    Range,
    UnfitError,
    check,
    checked,
    scaled,
    size_of,
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


@checked
def halved(count: Count, *, by: Positive = 2.0, kind: Literal["a", "b"] = "a") -> float:
    """What each of `count` gets."""
    return by / count


def test_a_checked_function_refuses_what_its_signature_excludes() -> None:
    assert halved(4) == 0.5
    assert halved(count=1, by=3.0, kind="b") == 3.0
    for call, told in (
        (lambda: halved(0), "count must be at least 1, not 0"),
        (lambda: halved(1, by=0.0), "by must be positive, not 0.0"),
        (lambda: halved(1, kind="c"), "kind must be one of a, b, not c"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ParameterError, match=f"^{told}$"):
            call()


def test_a_checked_function_keeps_its_name_its_signature_and_its_ranges() -> None:
    assert (halved.__name__, halved.__doc__) == ("halved", "What each of `count` gets.")
    assert list(signature(halved).parameters) == ["count", "by", "kind"]
    with pytest.raises(ParameterError, match="count"):
        check(halved, {"count": 0})


def constrained(*, other: float = 1.0, delta: Delta = 0.01) -> None:
    """A rule whose steps follow from a radius."""


def penalised(*, penalty: Penalty = 6.0) -> None:
    """A rule whose steps follow from a penalty."""


def test_steps_are_longer_by_the_square_root_of_delta_and_the_inverse_of_a_penalty() -> None:
    """The length is √(2δ / xᵀFx) x, or x / λ."""
    assert scaled(constrained, {}, 3) == {"delta": 0.01 * 9}
    assert scaled(constrained, {"delta": 1.0, "other": 2.0}, 3) == {"delta": 9.0, "other": 2.0}
    assert scaled(penalised, {"name": "x"}, 3) == {"penalty": 2.0, "name": "x"}
    assert scaled(penalised, {"penalty": 0.1}, 1) == {"penalty": 0.1}


def test_a_function_without_a_size_cannot_be_scaled() -> None:
    assert scaled(built, {"delta": 0.5}, 1.0) == {"delta": 0.5}
    with pytest.raises(UnfitError, match="built has no length of a step to scale by 3"):
        scaled(built, {"delta": 0.5}, 3)


def test_the_size_is_what_is_set_or_the_default() -> None:
    assert size_of(constrained, {}) == 0.01
    assert size_of(penalised, {"penalty": 2, "delta": 9}) == 2.0
    assert size_of(built, {"delta": 0.5}) is None
    for function, name in ((constrained, "delta"), (penalised, "penalty")):
        with pytest.raises(ParameterError, match=f"{name} must be positive, not 0"):
            check(function, {name: 0})
