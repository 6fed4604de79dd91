"""Web: requests to a server whose errors name it without what opens it, and which leave no trace in logs."""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from dicomview.errors import ServerError

__all__ = ["Address", "answered", "cause_of", "session", "status_of", "without_logs"]

T = TypeVar("T")

#: What writes addresses and with them tokens and patients to logs.
_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry", "dicomweb_client.web", "retrying")
#: What another server may be told that a server sends us to.
_HARMLESS = ("accept", "accept-encoding", "connection", "proxy-authorization", "user-agent")
_unlogged: ContextVar[bool] = ContextVar("unlogged", default=False)


class _Unlogged(logging.Filter):
    """Drops what is logged of our own requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _unlogged.get()


_FILTER = _Unlogged()


@contextmanager
def without_logs() -> Iterator[None]:
    """Keep what is asked of servers out of the logs."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)  # once only, however often it is added
    token = _unlogged.set(True)
    try:
        yield
    finally:
        _unlogged.reset(token)


class Address:
    """The address of a server, apart from what opens it.

    Attributes
    ----------
    url : str
        Without user, password, query and fragment.
    user : tuple of str or None
        User and password, where the address held them.
    query : dict of list of str

    Examples
    --------
    >>> address = Address("https://jane:secret@pacs.example/dicom-web/?key=secret")
    >>> address, address.user is None, len(address.query)
    (https://pacs.example/dicom-web, False, 1)
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(
                "the address must begin with http:// or https:// and the name of a server",
                remedy="write it as https://pacs.example/dicom-web",
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = host if port is None else f"{host}:{port}"
        self.url = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        self.query = parse_qs(parts.query)
        self.user = None
        if parts.username is not None:
            self.user = (unquote(parts.username), unquote(parts.password or ""))

    def __repr__(self) -> str:
        return self.url


def session(address: Address, auth: Any, headers: Mapping[str, str], verify: bool | str) -> Any:
    """Return a session of requests that tells what opens a server to no other, also when it is sent there."""
    import requests

    class Session(requests.Session):  # type: ignore[misc]
        def prepare_request(self, request: Any) -> Any:
            # Wildcards and commas need no escape, and some servers do not take it back; nor a + for a blank.
            path, mark, query = request.url.partition("?")
            query = query.replace("+", "%20").replace("%2A", "*").replace("%3F", "?").replace("%2C", ",")
            request.url = path + mark + query
            return super().prepare_request(request)

        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            if self.should_strip_auth(response.request.url, prepared_request.url):
                kept = prepared_request.headers
                for name in [name for name in kept if name.lower() not in _HARMLESS]:
                    del kept[name]
                prepared_request.hooks = {"response": []}  # they may answer what the other asks
            super().rebuild_auth(prepared_request, response)

        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            # requests lets REQUESTS_CA_BUNDLE overrule what a session was given.
            settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
            return settings if self.verify is True else {**settings, "verify": self.verify}

    made = Session()
    made.auth = auth if auth is not None else address.user
    made.params = address.query
    made.verify = verify
    made.headers.update(headers)
    return made


def answered(ask: Callable[[], T], what: str, address: Address, timeout: float) -> T:
    """Return what a server answers.

    Raises
    ------
    ServerError
        With what was asked, the cause and the remedy. The error beneath it may hold credentials, and is not
        kept.
    """
    try:
        with without_logs():
            return ask()
    except Exception as error:
        problem = _problem(error, what, address, timeout)
    raise problem


def _problem(error: BaseException, what: str, address: Address, timeout: float) -> ServerError:
    """Say what is the matter, without the text of the error: that may hold what opens the server."""
    from requests import exceptions as failures

    status = status_of(error)
    cause, remedy = "it does not answer as a DICOMweb server", "check the path of the address (/dicom-web?)"
    if status is not None:
        cause, remedy = f"it answers {status}", _REMEDIES.get(status, _OTHERWISE)
    elif isinstance(error, failures.SSLError):
        reason = next(
            (e.verify_message for e in _chain(error) if isinstance(e, ssl.SSLCertVerificationError)), ""
        )
        cause = f"its TLS certificate or protocol is not accepted ({reason or 'TLS error'})"
        remedy = "give the certificate of its authority: verify='ca.pem'"
    elif isinstance(error, failures.Timeout):
        cause, remedy = f"no answer within {timeout:g} s", "try again, or wait longer: timeout="
    elif isinstance(
        error, failures.ConnectionError | failures.ChunkedEncodingError | OSError
    ) and not isinstance(error, failures.InvalidJSONError | failures.InvalidURL):
        cause = f"it cannot be reached, or broke off ({cause_of(error)})"
        remedy = "check that it runs, its name and port, and the network"
    problem = ServerError(f"{what} from {address}: {cause}", remedy=remedy)
    problem.status = status
    return problem


_OTHERWISE = "ask who runs the server"
_REMEDIES = {
    401: "give credentials that it takes: auth=(user, password), or headers={'Authorization': ...}",
    403: "these credentials are not allowed to read it: ask who runs the server",
    404: "nothing is there: check the path of the address (/dicom-web?), or search again",
    410: "it is there no more: search again",
    429: "it is asked too often: try later, or with fewer connections=",
    503: "it is busy or restarts: try again later",
}


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error stands for."""
    answer = getattr(error, "response", None)
    if answer is None:  # retrying gives up
        attempt = getattr(error, "last_attempt", None)
        answer = getattr(attempt, "value", None)
    status = getattr(answer, "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def cause_of(error: BaseException) -> str:
    """Return what the system says of an error; its own text may hold an address."""
    told = next((e.strerror for e in _chain(error) if isinstance(e, OSError) and e.strerror), None)
    return told or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those within and beneath it."""
    seen: list[BaseException] = []
    found: list[Any] = [error]
    while found:
        one = found.pop(0)
        if isinstance(one, BaseException) and not any(one is other for other in seen):
            seen.append(one)
            found += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    yield from sorted(seen, key=lambda e: hasattr(e, "request"))  # those of requests tell least
