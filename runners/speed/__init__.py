"""How fast it is, against the bare engine."""
