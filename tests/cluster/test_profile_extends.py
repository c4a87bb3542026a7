"""``extends``: what is merged, what is replaced, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from scale_agent.cluster.profile import load, loads
from scale_agent.errors import ProfileError

BASE = """\
name: base
version: v1.36.2
agent: {replicas: 2, overlap_s: 7}
controllers: {kubelet: false}
nodes:
  - {name: a}
  - {name: b}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def test_mappings_are_merged_lists_and_values_replaced(base: Path) -> None:
    (base / "own.yaml").write_text(
        "extends: base.yaml\nname: own\nagent: {replicas: 1}\ncontrollers: {events: false}\nnodes: [{name: c}]\n"
    )
    own = load(base / "own.yaml")
    assert (own.name, own.version, own.replicas, own.timings.overlap_s) == ("own", "v1.36.2", 1, 7.0)
    assert own.without == {"kubelet", "events"}
    assert [node.name for node in own.contents.nodes] == ["c"]


def test_what_is_not_written_is_inherited_over_several_files_and_folders(base: Path) -> None:
    (base / "inner").mkdir()
    (base / "inner" / "middle.yaml").write_text("extends: ../base.yaml\nrbac: true\n")
    (base / "own.yaml").write_text("extends: inner/middle.yaml\nname: own\n")
    own = load(base / "own.yaml")
    assert own.rbac
    assert [node.name for node in own.contents.nodes] == ["a", "b"]


def test_the_digest_is_of_all_files(base: Path) -> None:
    (base / "own.yaml").write_text("extends: base.yaml\n")
    first = load(base / "own.yaml").digest
    assert first != load(base / "base.yaml").digest
    (base / "base.yaml").write_text(BASE.replace("name: b}", "name: c}"))
    assert load(base / "own.yaml").digest != first


def refused(path: Path) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert caught.value.cure
    return caught.value


def test_a_mistake_in_the_base_is_told_with_the_bases_line(base: Path) -> None:
    (base / "base.yaml").write_text(BASE.replace("overlap_s: 7", "overlap_s: soon"))
    (base / "own.yaml").write_text("extends: base.yaml\nname: own\nagent: {replicas: 1}\n")
    assert refused(base / "own.yaml").where == f"{base}/base.yaml:3 agent.overlap_s"


def test_a_mistake_of_ones_own_is_told_with_ones_own_line(base: Path) -> None:
    (base / "own.yaml").write_text("extends: base.yaml\nname: own\nagent:\n  replicas: 3\n")
    assert refused(base / "own.yaml").where == f"{base}/own.yaml:4 agent.replicas"


def test_a_base_that_is_not_there(base: Path) -> None:
    (base / "own.yaml").write_text("name: own\nextends: none.yaml\n")
    error = refused(base / "own.yaml")
    assert error.where == f"{base}/own.yaml:2 extends"
    assert "none.yaml cannot be read: No such file" in error.what


def test_a_circle(base: Path) -> None:
    (base / "one.yaml").write_text("extends: two.yaml\n")
    (base / "two.yaml").write_text("name: two\nextends: one.yaml\n")
    error = refused(base / "one.yaml")
    assert error.where == f"{base}/two.yaml:2 extends"
    assert error.what == f"extends itself: {base}/one.yaml → {base}/two.yaml → {base}/one.yaml"
    (base / "one.yaml").write_text("extends: ./one.yaml\n")
    assert "extends itself" in refused(base / "one.yaml").what


def test_what_nobody_in_the_chain_says_is_missing(base: Path) -> None:
    (base / "base.yaml").write_text("version: v1.36.2\n")
    (base / "own.yaml").write_text("extends: base.yaml\n")
    assert refused(base / "own.yaml").what == "field 'name' is missing"


@pytest.mark.parametrize("body", ["extends: [a]", "extends: {}", "extends:", "extends: 7", 'extends: ""'])
def test_no_file_name(body: str, base: Path) -> None:
    (base / "own.yaml").write_text(f"name: own\n{body}\n")
    assert refused(base / "own.yaml").where.startswith(f"{base}/own.yaml:2 extends")


def test_a_field_twice_is_refused_where_it_is_merged(base: Path) -> None:
    (base / "own.yaml").write_text("extends: base.yaml\nagent: {replicas: 1, replicas: 2}\n")
    assert refused(base / "own.yaml").where == f"{base}/own.yaml:2 agent.replicas"


def test_the_older_format_cannot_be_extended(base: Path) -> None:
    (base / "base.yaml").write_text("pods: []\n")
    (base / "own.yaml").write_text("extends: base.yaml\nname: own\nversion: v1.36.2\n")
    assert "older format" in refused(base / "own.yaml").what


def test_text_extends_what_its_file_says() -> None:
    here = Path(__file__).parents[2] / "profiles" / "own.yaml"
    assert loads("extends: small.yaml\nname: own\n", str(here)).version == "v1.36.2"
