"""The chapters, in the report's order."""

from typing import Any

from analysis.chapter import Chapter
from analysis.chapters import (
    ablations,
    aggregate,
    atari_rules,
    figure4,
    figure5,
    modern,
    step_rules,
    table1,
    theory_bounds,
    theory_line,
    theory_steps,
    tuning,
    variance,
)

CHAPTERS: tuple[Chapter[Any], ...] = (
    figure4.CHAPTER,
    tuning.CHAPTER,
    figure5.CHAPTER,
    table1.CHAPTER,
    atari_rules.CHAPTER,
    ablations.CHAPTER,
    modern.CHAPTER,
    aggregate.CHAPTER,
    step_rules.CHAPTER,
    variance.CHAPTER,
    theory_line.CHAPTER,
    theory_bounds.CHAPTER,
    theory_steps.CHAPTER,
)
