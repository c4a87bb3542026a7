"""``python -m scale_agent COMMAND``."""

from scale_agent.cli.main import main

if __name__ == "__main__":
    main()
