"""From runs to numbers a reader can trust: load, statistics, tables, figures, claims, report."""
