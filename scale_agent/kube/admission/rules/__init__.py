"""Which values the built-in kinds take, as tables of checks: one module per subject, by resource in :mod:`kinds`."""
