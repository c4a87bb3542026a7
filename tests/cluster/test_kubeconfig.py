"""Kubeconfigs: what they say, who may read them, and whose files stay as they are."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from scale_agent.cluster import kubeconfig
from scale_agent.errors import InputError

TEXT = kubeconfig.text("small", "https://127.0.0.1:6443", b"PEM", "token-x")


def test_its_current_context_leads_to_the_server_with_authority_and_token() -> None:
    read = yaml.safe_load(TEXT)
    assert (read["apiVersion"], read["kind"]) == ("v1", "Config")
    context = next(one["context"] for one in read["contexts"] if one["name"] == read["current-context"])
    cluster = next(one["cluster"] for one in read["clusters"] if one["name"] == context["cluster"])
    user = next(one["user"] for one in read["users"] if one["name"] == context["user"])
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert (cluster["server"], user) == ("https://127.0.0.1:6443", {"token": "token-x"})


def test_only_its_owner_reads_it_and_it_is_replaced_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, TEXT)
    path.chmod(0o644)
    kubeconfig.write(path, TEXT.replace("6443", "7443"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == TEXT.replace("6443", "7443")
    assert [one.name for one in tmp_path.iterdir()] == ["kubeconfig"]


def test_an_empty_file_made_for_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.touch()
    kubeconfig.write(path, TEXT)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("content", ["apiVersion: v1\nkind: Config\n", "#", "\n"])
def test_somebodys_own_kubeconfig_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(InputError, match="will not replace what another program wrote"):
        kubeconfig.write(path, TEXT)
    assert path.read_text() == content


def test_what_is_no_place_for_a_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        kubeconfig.write(tmp_path / "nowhere" / "kubeconfig", TEXT)
    with pytest.raises(InputError, match="will not replace"):
        kubeconfig.write(tmp_path, TEXT)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Not a directory"):
        kubeconfig.write(tmp_path / "file" / "kubeconfig", TEXT)
