"""get, list and watch."""

from __future__ import annotations

from scale_agent.kube import field_selectors, query, selectors, status
from scale_agent.kube.core import Schedule
from scale_agent.kube.http import Response
from scale_agent.kube.query import ListOptions
from scale_agent.kube.representation.representations import ListMeta
from scale_agent.kube.schema import conversion
from scale_agent.kube.storage.store import storage_order
from scale_agent.kube.storage.version import Version
from scale_agent.kube.storage.watches import EVERYTHING, ResourceWatch, Scope, Selects
from scale_agent.kube.verbs.call import Call, answer

#: A watch without timeoutSeconds ends between this and twice as much (apiserver: --min-request-timeout), seconds.
DEFAULT_TIMEOUT_S = 1800.0
#: Bookmarks come about once a minute (recorded); seconds.
BOOKMARK_EVERY_S = 60.0
#: The last bookmark comes this long before the watch ends (seconds).
LAST_BOOKMARK_S = 2.0


def get(call: Call) -> Response:
    """One object."""
    if call.request.query:
        asked = query.resource_version(query.parse_query(call.request.query).get("resourceVersion", ""))
        if asked is not None and asked > call.core.store.rv:
            raise status.too_large_version(asked, call.core.store.rv)
    return answer(call, 200, call.current())


def list_or_watch(call: Call) -> Response | ResourceWatch:
    """A collection, or a single object's path with ``watch=true``."""
    options = query.list_options(call.request.query)
    if options.watch or call.route.watch:
        return watch(call, options)
    encoder = call.encoder(listing=True)
    versions, meta = page(call, options)
    return Response(200, call.headers(encoder.content_type), encoder.many(versions, meta))


def selection(call: Call, options: ListOptions) -> Selects | None:
    """The filter of the label and field selectors, and of a name in the path; ``None`` selects all."""
    labels = selectors.parse_labels(options.label_selector) if options.label_selector else ()
    fields = field_selectors.parse_fields(options.field_selector, call.resource) if options.field_selector else ()
    name = call.route.name
    return _Selection(name, labels, fields) if labels or fields or name else None


class _Selection:
    """What selectors let through. A watch keeps it, so it keeps nothing of the request."""

    __slots__ = ("_fields", "_labels", "_name")

    def __init__(self, name: str, labels: selectors.Labels, fields: field_selectors.Fields) -> None:
        self._name = name
        self._labels = labels
        self._fields = fields

    def __call__(self, version: Version) -> bool:
        if self._name and version.name != self._name:
            return False
        if self._labels and not selectors.matches(self._labels, version.labels):
            return False
        return not self._fields or field_selectors.field_matches(self._fields, _reader(version))


class _Fields:
    """Reads an object's fields for selectors; its body is parsed only if one is needed."""

    __slots__ = ("_object", "_version")

    def __init__(self, version: Version) -> None:
        self._version = version
        self._object: dict[str, object] | None = None

    def __call__(self, path: str) -> str:
        if path == "metadata.name":
            return self._version.name
        if path == "metadata.namespace":
            return self._version.namespace
        if self._object is None:
            self._object = conversion.renamed(self._version.object(), "v1")  # Events by their core names
        return field_selectors.read_field(self._object, path)


_reader = _Fields


def page(call: Call, options: ListOptions) -> tuple[list[Version], ListMeta]:
    """The objects of a list request and the list's metadata. Raises 400, 410, 504."""
    store = call.core.store
    selects = selection(call, options)
    rv, start = store.rv, ""
    if options.continue_token:
        rv, start = query.decode_continue(options.continue_token)
        if options.resource_version:
            raise status.bad_request("specifying resource version is not allowed when using continue")
    elif options.resource_version:
        if options.resource_version > store.rv:
            raise status.too_large_version(options.resource_version, store.rv)
        if options.match == "Exact" or (options.limit and not options.match):
            rv = options.resource_version
    versions = _at(call, rv, start)
    if rv < 0:
        rv = store.rv
    if start:
        versions = [one for one in versions if _position(call, one) > start]
    last = versions[-1] if versions else None
    if selects is not None:
        versions = [one for one in versions if selects(one)]
    return _cut(call, versions, options, ListMeta(rv), last if selects is not None else None)


def _position(call: Call, version: Version) -> str:
    """Where an object stands in a list: its storage key within the collection."""
    return f"/{version.name}" if call.route.namespace else f"/{storage_order(version)}"


_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def _at(call: Call, rv: int, start: str) -> list[Version]:
    store = call.core.store
    if rv >= store.rv or rv < 0:
        return store.list(call.resource.key, call.route.namespace)
    try:
        return store.list_at(call.resource.key, call.route.namespace, rv)
    except LookupError as error:
        if start:
            raise status.gone(_EXPIRED, query.encode_continue(query.INCONSISTENT, start)) from error
        raise status.gone("The resourceVersion for the provided list is too old.") from error


def _cut(
    call: Call, versions: list[Version], options: ListOptions, meta: ListMeta, last: Version | None
) -> tuple[list[Version], ListMeta]:
    """The page. ``last``: the collection's last object if a selector filters: whether more follow is not known then."""
    limit = options.limit
    if limit <= 0 or len(versions) < limit:
        return versions, meta
    if len(versions) == limit and (last is None or versions[-1] is last):
        return versions, meta
    token = query.encode_continue(meta.rv, _position(call, versions[limit - 1]))
    # remainingItemCount is left out when a selector filters: the real server does not know it either
    return versions[:limit], ListMeta(meta.rv, token, len(versions) - limit if last is None else None)


def watch(call: Call, options: ListOptions) -> ResourceWatch:
    """Start a watch; see ``docs/architecture.md`` for who pulls it."""
    store, key = call.core.store, call.resource.key
    encoder = call.encoder(listing=True, stream=True)
    selects = selection(call, options)
    log = store.log(key)
    namespace = call.route.namespace
    scope = Scope(namespace, selects) if namespace or selects is not None else EVERYTHING
    running = ResourceWatch(log, log.end, scope, encoder, call.headers(encoder.stream_type), store)
    since = options.resource_version
    if options.send_initial and since and since > store.rv:
        running.fail(status.too_large_version(since, store.rv).status())
    elif options.send_initial:
        first = [one for one in store.list(key, namespace) if selects is None or selects(one)]
        running.start_with(first, store.rv if options.send_initial and options.allow_bookmarks else 0)
    elif since:
        _resume(running, since, store.rv)
    timeout_s = options.timeout_s or DEFAULT_TIMEOUT_S
    _Course(running, call.core.schedule, call.now + timeout_s, bookmarks=options.allow_bookmarks).appoint(call.now)
    return running


def _resume(running: ResourceWatch, since: int, current: int) -> None:
    """Go on after ``since``; from the future there is nothing to send yet, from a forgotten past only an error."""
    try:
        running.continue_after(since)
    except LookupError:
        running.fail(status.gone(f"too old resource version: {since} ({current})").status())


class _Course:
    """The bookmarks of a watch and its end. One appointment at a time: a closed watch is let go with the next one."""

    __slots__ = ("_bookmarks", "_end_s", "_ends", "_schedule", "_watch")

    def __init__(self, watch: ResourceWatch, schedule: Schedule, end_s: float, *, bookmarks: bool) -> None:
        self._watch = watch
        self._schedule = schedule
        self._end_s = end_s
        self._bookmarks = bookmarks
        self._ends = False

    def appoint(self, now: float) -> None:
        """The next bookmark, or the end."""
        due = min(now + BOOKMARK_EVERY_S, self._end_s - LAST_BOOKMARK_S)
        self._ends = not self._bookmarks or due <= now
        self._schedule.at(self._end_s if self._ends else due, self)

    def __call__(self, now: float) -> None:
        """What was appointed is due."""
        if self._watch.ended:
            return
        if self._ends:
            self._watch.finish()
            return
        self._watch.bookmark()
        self.appoint(now)
