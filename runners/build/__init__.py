"""From settings to objects with their resources open."""
