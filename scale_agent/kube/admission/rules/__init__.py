"""Which values the built-in kinds take, as tables of checks; one module per subject, :mod:`kinds` has them by resource."""
