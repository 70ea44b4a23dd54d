"""A chain of causes as one short sentence."""

from testmon_cli.domain.causes import Cause, Kind, Manner

_DEFINITION = ", whose definition"
# How kinds of causes are called where it is not by their own name.
_CALLED = {
    Kind.ENVIRONMENT: "environment variable",
    Kind.GLOB: "a file that matches",
    Kind.CONFIG: "configuration",
}
_NAMED_BY_THEMSELVES = {
    Kind.ENVIRONMENT,
    Kind.PACKAGE,
    Kind.FILE,
    Kind.DIRECTORY,
    Kind.METADATA,
    Kind.GLOB,
    Kind.CONFIG,
    Kind.UNKNOWN,
}


def sentence(cause: Cause) -> str:
    """Like `runs app/price.py::total, which mentions TAX_RATE, changed at app/config.py:3`."""
    chain = cause.chain()
    first, rest = chain[0], chain[1:]
    if first.kind is Kind.BLOCK and rest:
        text, named, rest = _running(first, rest)
    elif first.kind is Kind.BLOCK:
        return f"runs {first.path}::{first.name}, {first.wording}{_at(first)}"
    elif first.kind is Kind.TEXT:
        text, named = f"reads {first.path}, which {first.wording} {_last(rest[0])}", rest[0]
    elif first.kind is Kind.IMPORT and first.how is Manner.NEEDS:
        text, named = f"imports {first.path}", None
    elif rest:
        text, named = f"its definition mentions {_last(rest[0])}", rest[0]
    elif first.kind is Kind.DEFINITION:
        what = "its definition" if first.name else "a statement"
        return f"{what} was {first.wording}{_at(first)}"
    else:
        return _origin(first)
    origin = chain[-1]
    if text.endswith(_DEFINITION) and origin is named:
        return f"{text} was {origin.wording}{_at(origin)}"
    if origin is named and origin.kind not in _NAMED_BY_THEMSELVES:
        return f"{text}, {origin.wording}{_at(origin)}"
    if origin is named and origin.kind is Kind.PACKAGE:
        return f"{text}, {_origin(origin)}"
    is_import_itself = origin.kind is Kind.IMPORT and origin.path == first.path
    if is_import_itself and first.how is Manner.NEEDS:
        return f"{text}, which was {origin.wording}"
    return f"{text}, which depends on {_origin(origin)}"


def _running(first: Cause, rest: tuple[Cause, ...]) -> tuple[str, Cause | None, tuple[Cause, ...]]:
    text = f"runs {first.path}::{first.name}"
    link = rest[0]
    is_own = link.path == first.path and _root(link) == _root(first)
    if is_own and link.kind is Kind.DEFINITION:
        if len(rest) == 1:
            return f"{text}{_DEFINITION}", link, rest
        return f"{text}, whose definition mentions {_last(rest[1])}", rest[1], rest[1:]
    if link.kind is Kind.MEMOISED:
        return f"{text}, which may use what {_last(link)} keeps", link, rest
    return f"{text}, which {first.wording} {_last(link)}", link, rest


def _origin(link: Cause) -> str:
    if link.kind is Kind.UNKNOWN:
        return f"{link.path or link.name}, which {link.wording}"
    if link.kind is Kind.METADATA:
        return f"the distributions in {link.path or link.name} {link.wording}"
    if link.kind in _NAMED_BY_THEMSELVES:
        words = [link.path or link.name, link.wording]
        if link.comes_or_goes:
            words.insert(1, "was")
        if link.kind is not Kind.FILE or not link.path:
            words.insert(0, _CALLED.get(link.kind, link.kind.value))
        return " ".join(words)
    if link.kind is Kind.IMPORT and link.comes_or_goes:
        return f"{link.path} was {link.wording}"
    return f"{link.name or 'a statement'}, {link.wording}{_at(link)}"


def _at(link: Cause) -> str:
    if not link.path:
        return ""
    return f" at {link.path}:{link.line}" if link.line else f" in {link.path}"


def _last(link: Cause) -> str:
    if link.kind is Kind.PACKAGE:
        return link.name.partition(" ")[0]
    return link.name.rpartition(".")[2] or link.path


def _root(link: Cause) -> str:
    return link.name.partition(".")[0]
