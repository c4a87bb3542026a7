"""What things cost: CPU per request, memory per cluster. ``make bench`` runs them and writes ``build/bench.json``."""
