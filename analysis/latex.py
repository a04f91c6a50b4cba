"""Tables for a paper in LaTeX: `booktabs`, and nothing but ASCII where we know how."""

import re
from collections.abc import Iterable

import pandas as pd

from analysis.words import NOTHING, readable

SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": "$<$", ">": "$>$", "|": "$|$", "[": "{[}", "]": "{]}"},  # \\ [ would be a length
    **{"–": "--", "—": "---", "…": r"\dots{}", "“": "``", "”": "''", "\u2019": "'", "§": r"\S{}"},
    **{"δ": r"$\delta$", "λ": r"$\lambda$", "γ": r"$\gamma$", "θ": r"$\theta$", "η": r"$\eta$"},
    **{"ε": r"$\epsilon$", "π": r"$\pi$", "σ": r"$\sigma$", "α": r"$\alpha$", "Δ": r"$\Delta$"},
    **{
        "−": "$-$",
        "×": r"$\times$",
        "±": r"$\pm$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "≈": r"$\approx$",
    },
    **{
        "∞": r"$\infty$",
        "←": r"$\leftarrow$",
        "→": r"$\rightarrow$",
        "‖": r"$\|$",
        "·": r"$\cdot$",
    },
    **{"½": r"$\frac{1}{2}$", "²": "$^2$", "ℓ": r"$\ell$", "ĝ": r"$\hat{g}$", "é": r"\'e"},
}
"""What LaTeX reads as something else, or its oldest fonts lack."""
NUMBER = re.compile(r"[-−+]?[\d,]*\.?\d+(e[-+]?\d+)?")


def tabular(table: pd.DataFrame) -> str:
    """The table, its numbers in words, as a `tabular` with the rules of `booktabs`.

    Columns of numbers alone stand to the right.
    """
    words = readable(table)
    sides = "".join("r" if _numbers(words.iloc[:, i]) else "l" for i in range(words.shape[1]))
    body = [_row(row) for row in words.itertuples(index=False)]
    return "\n".join(
        [
            f"\\begin{{tabular}}{{{sides}}}",
            r"\toprule",
            _row(words.columns),
            r"\midrule",
            *body,
            r"\bottomrule",
            "\\end{tabular}\n",
        ]
    )


def escaped(text: str) -> str:
    """Text as LaTeX prints it, on one line."""
    return "".join(SIGNS.get(sign, sign) for sign in " ".join(text.split()))


def _row(cells: Iterable[object]) -> str:
    return " & ".join(escaped(str(cell)) for cell in cells) + r" \\"


def _numbers(column: pd.Series) -> bool:
    return all(cell == NOTHING or NUMBER.fullmatch(cell) for cell in column)
