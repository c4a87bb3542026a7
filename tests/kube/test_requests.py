"""What a request says before anything is looked up: paths, queries, Accept headers, field ownership."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube import paths, query
from scale_agent.kube.paths import Route
from scale_agent.kube.representation import negotiation
from scale_agent.kube.representation.negotiation import JSON, PROTOBUF
from tests.kube.testbed import refusal


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", Route("", "v1", "pods")),
        ("/api/v1/namespaces", Route("", "v1", "namespaces")),
        ("/api/v1/namespaces/n", Route("", "v1", "namespaces", name="n")),
        ("/api/v1/namespaces/n/status", Route("", "v1", "namespaces", name="n", subresource="status")),
        ("/api/v1/namespaces/n/finalize", Route("", "v1", "namespaces", name="n", subresource="finalize")),
        ("/api/v1/namespaces/n/pods", Route("", "v1", "pods", "n")),
        ("/api/v1/namespaces/n/pods/p/log", Route("", "v1", "pods", "n", "p", "log")),
        ("/apis/apps/v1/namespaces/n/deployments/d/scale", Route("apps", "v1", "deployments", "n", "d", "scale")),
        ("/api/v1/nodes/x/proxy/a/b", Route("", "v1", "nodes", name="x", subresource="proxy/a/b")),
        ("/api/v1", None),
        ("/apis/apps/v1", None),
        ("/version", None),
        ("/", None),
        ("/api//v1/pods", None),
    ],
)
def test_paths(path: str, expected: Route | None) -> None:
    found = paths.parse(path)
    assert found == expected or (found is not None and expected is None and not found.version)


@given(st.text(alphabet="/apis.v1namespaces-%", max_size=40))
def test_any_path_has_an_answer(path: str) -> None:
    found = paths.parse("/" + path)
    assert found is None or found.plural


@given(st.text(max_size=60))
def test_any_query_is_read_or_refused(raw: str) -> None:
    assert refusal(lambda: query.list_options(raw)) in (0, 400, 422, 500)
    assert refusal(lambda: query.write_options(raw, "CreateOptions")) in (0, 400, 422)


def test_flags_and_numbers_of_queries() -> None:
    options = query.list_options("watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=7&limit=5")
    assert (options.watch, options.allow_bookmarks, options.timeout_s, options.resource_version, options.limit) == (
        True,
        True,
        300,
        7,
        5,
    )
    assert not query.list_options("watch=false").watch
    assert query.list_options("resourceVersion=0&limit=5").limit == 0
    assert refusal(lambda: query.list_options("limit=")) == 400
    assert query.write_options(
        "fieldValidation=Strict&dryRun=All&fieldManager=m", "PatchOptions"
    ) == query.WriteOptions(True, "Strict", "m")


@given(st.integers(1, 2**40), st.text("abc.-0", min_size=3, max_size=20).filter(lambda text: text.strip(".")))
def test_continue_tokens_come_back(rv: int, name: str) -> None:
    assert query.decode_continue(query.encode_continue(rv, f"/{name}")) == (rv, f"/{name}")


@given(st.text(max_size=30))
def test_strange_continue_tokens_are_refused(token: str) -> None:
    assert refusal(lambda: query.decode_continue(token)) in (0, 400)


@given(st.text(alphabet='aplicton/json;,=q0.9*v1 "', max_size=60), st.booleans())
def test_any_accept_header_is_served_or_refused(header: str, typed: bool) -> None:
    chosen: list[negotiation.Choice] = []
    assert refusal(lambda: chosen.append(negotiation.choose(header, typed=typed))) == (0 if chosen else 406)
    assert all(one.media in negotiation.BODIES for one in chosen)


def test_shapes_are_negotiated() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    assert negotiation.choose(f"{table},{JSON}").shape == "Table"
    assert negotiation.choose(f"application/json;as=Table;v=v9;g=meta.k8s.io,{JSON}").shape == ""
    partial = f"{PROTOBUF};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    assert negotiation.choose(partial, typed=False) == negotiation.Choice(PROTOBUF, "Partial", "v1", of_list=True)
