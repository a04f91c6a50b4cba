"""What is kept of a run: its directory, tables, checkpoints and provenance."""
