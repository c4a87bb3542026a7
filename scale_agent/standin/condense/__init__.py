"""From recordings of real Rancher servers to the stand-in's data files: ``python -m scale_agent.standin.condense DIR``.

``DIR`` holds ``rancher-<version>/`` directories with the recorded REST (``rest-*.json``) and the requests that came
down the tunnel (``import-steve.jsonl``, ``import-norman.jsonl``, ``delete.jsonl``), each plain or with ``.gz``;
``tests/recordings`` is such a directory. Out come, under ``standin/data``:

- ``rest-<version>``: bodies of answers with placeholders, by name;
- ``conditions-<version>-<path>``: how conditions moved;
- ``import-<version>-<path>`` and ``delete-<version>``: the requests as steps with dependencies.
"""
