"""The kinds of run: how each is checked, named, sized and opened."""
