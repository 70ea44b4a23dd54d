"""A chain of causes as one short sentence."""

from testmon_cli.domain.causes import Cause

_DEFINITION = ", whose definition"
# How kinds of causes are called where it is not by their own name.
_CALLED = {"environment": "environment variable", "glob": "a file that matches", "config": "configuration"}
_NAMED_BY_THEMSELVES = ("environment", "package", "file", "directory", "metadata", "glob", "config", "unknown")


def sentence(cause: Cause) -> str:
    """Like `runs app/price.py::total, which mentions TAX_RATE, changed at app/config.py:3`."""
    chain = cause.chain()
    first, rest = chain[0], chain[1:]
    if first.kind == "block" and rest:
        text, named, rest = _running(first, rest)
    elif first.kind == "block":
        return f"runs {first.path}::{first.name}, {first.how}{_at(first)}"
    elif first.kind == "text":
        text, named = f"reads {first.path}, which {first.how} {_last(rest[0])}", rest[0]
    elif first.kind == "import" and first.how == "needs":
        text, named = f"imports {first.path}", None
    elif rest:
        text, named = f"its definition mentions {_last(rest[0])}", rest[0]
    elif first.kind == "definition":
        return (
            f"its definition was {first.how}{_at(first)}" if first.name else f"a statement was {first.how}{_at(first)}"
        )
    else:
        return _origin(first)
    origin = chain[-1]
    if text.endswith(_DEFINITION) and origin is named:
        return f"{text} was {origin.how}{_at(origin)}"
    if origin is named and origin.kind not in _NAMED_BY_THEMSELVES:
        return f"{text}, {origin.how}{_at(origin)}"
    if origin is named and origin.kind == "package":
        return f"{text}, {_origin(origin)}"
    if first.how == "needs" and (origin.kind, origin.path) == ("import", first.path):
        return f"{text}, which was {origin.how}"
    return f"{text}, which depends on {_origin(origin)}"


def _running(first: Cause, rest: tuple[Cause, ...]) -> tuple[str, Cause | None, tuple[Cause, ...]]:
    text = f"runs {first.path}::{first.name}"
    link = rest[0]
    if link.kind == "definition" and link.path == first.path and _root(link) == _root(first):
        if len(rest) == 1:
            return f"{text}{_DEFINITION}", link, rest
        return f"{text}, whose definition mentions {_last(rest[1])}", rest[1], rest[1:]
    if link.kind == "memoised":
        return f"{text}, which may use what {_last(link)} keeps", link, rest
    return f"{text}, which {first.how} {_last(link)}", link, rest


def _origin(link: Cause) -> str:
    if link.kind == "unknown":
        return f"{link.path or link.name}, which {link.how}"
    if link.kind == "metadata":
        return f"the distributions in {link.path or link.name} {link.how}"
    if link.kind in _NAMED_BY_THEMSELVES:
        kind = "" if link.kind == "file" and link.path else f"{_CALLED.get(link.kind, link.kind)} "
        return f"{kind}{link.path or link.name} {'was ' * (link.how in ('added', 'removed'))}{link.how}"
    if link.kind == "import" and link.how in ("added", "removed"):
        return f"{link.path} was {link.how}"
    return f"{link.name or 'a statement'}, {link.how}{_at(link)}"


def _at(link: Cause) -> str:
    if not link.path:
        return ""
    return f" at {link.path}:{link.line}" if link.line else f" in {link.path}"


def _last(link: Cause) -> str:
    if link.kind == "package":
        return link.name.partition(" ")[0]
    return link.name.rpartition(".")[2] or link.path


def _root(link: Cause) -> str:
    return link.name.partition(".")[0]
