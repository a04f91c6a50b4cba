"""What may happen to a run, and the judgement of what became of it."""
