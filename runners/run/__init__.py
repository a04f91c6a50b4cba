"""One run: its loop, its session, what the user sees of it."""
