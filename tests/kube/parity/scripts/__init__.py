"""One module per theme."""
