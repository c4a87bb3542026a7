"""``python -m scale_agent.standin.condense DIR``: see the package's docstring."""

from __future__ import annotations

import sys
from pathlib import Path

from scale_agent.standin.condense.files import write
from scale_agent.standin.condense.rest import answers, timeline
from scale_agent.standin.condense.steps import deletion_script, import_script

VERSIONS = ("2.15.0", "2.12.3", "2.10.3")
PATHS = ("steve", "norman")


def main(root: Path) -> None:
    """Write all data files from the recordings under ``root``."""
    for version in VERSIONS:
        directory = root / f"rancher-{version}"
        sizes = [write(f"rest-{version}", answers(directory)), write(f"delete-{version}", deletion_script(directory))]
        for path in PATHS:
            sizes.append(write(f"conditions-{version}-{path}", timeline(directory, path)))
            sizes.append(write(f"import-{version}-{path}", import_script(directory, path)))
        sys.stdout.write(f"{version}: {sizes} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
