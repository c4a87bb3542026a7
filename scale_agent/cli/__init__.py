"""``python -m scale_agent COMMAND``: one thin module per command."""
