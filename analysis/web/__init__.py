"""The report: one self-contained page of HTML, which asks for nothing from any network."""
