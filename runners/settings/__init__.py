"""What may be said: the typed settings, their options, their mistakes."""
