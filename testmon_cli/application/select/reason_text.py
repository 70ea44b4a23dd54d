"""A chain of causes as one short sentence."""

from testmon_cli.domain.causes import Cause, Kind, Manner

_DEFINITION = ", whose definition"
# How kinds of causes are called where it is not by their own name.
_CALLED = {
    Kind.ENVIRONMENT: "environment variable",
    Kind.GLOB: "a file that matches",
    Kind.CONFIG: "configuration",
    Kind.DISTRIBUTION: "the metadata of",
}
_NAMED_BY_THEMSELVES = {
    Kind.ENVIRONMENT,
    Kind.PACKAGE,
    Kind.FILE,
    Kind.DIRECTORY,
    Kind.METADATA,
    Kind.DISTRIBUTION,
    Kind.GLOB,
    Kind.CONFIG,
    Kind.UNKNOWN,
}


def sentence(cause: Cause) -> str:
    """Like `runs app/price.py::total, which mentions TAX_RATE, changed at app/config.py:3`."""
    chain = cause.chain()
    first, origin = chain[0], chain[-1]
    is_needed_import = first.kind is Kind.IMPORT and first.how is Manner.NEEDS
    if len(chain) == 1 and not is_needed_import:
        return _alone(first)
    text, named = _beginning(first, chain[1:])
    if origin is named and text.endswith(_DEFINITION):
        return f"{text} was {origin.wording}{_at(origin)}"
    if origin is named and origin.kind not in _NAMED_BY_THEMSELVES:
        return f"{text}, {origin.wording}{_at(origin)}"
    if origin is named and origin.kind is Kind.PACKAGE:
        return f"{text}, {_origin(origin)}"
    is_import_itself = origin.kind is Kind.IMPORT and origin.path == first.path
    if is_import_itself and first.how is Manner.NEEDS:
        return f"{text}, which was {origin.wording}"
    return f"{text}, which depends on {_origin(origin)}"


def _alone(cause: Cause) -> str:
    """A cause that follows from no other."""
    if cause.kind is Kind.BLOCK:
        return f"runs {cause.path}::{cause.name}, {cause.wording}{_at(cause)}"
    if cause.kind is Kind.DEFINITION:
        what = "its definition" if cause.name else "a statement"
        return f"{what} was {cause.wording}{_at(cause)}"
    return _origin(cause)


def _beginning(first: Cause, rest: tuple[Cause, ...]) -> tuple[str, Cause | None]:
    """How the sentence begins, and the link of the chain that it names."""
    if first.kind is Kind.BLOCK:
        return _running(first, rest)
    if first.kind is Kind.TEXT:
        return f"reads {first.path}, which {first.wording} {_last(rest[0])}", rest[0]
    if first.kind is Kind.CODE:
        return f"runs code of no source, which {first.wording} {_last(rest[0])}", rest[0]
    if first.kind is Kind.IMPORT and first.how is Manner.NEEDS:
        return f"imports {first.path}", None
    return f"its definition mentions {_last(rest[0])}", rest[0]


def _running(first: Cause, rest: tuple[Cause, ...]) -> tuple[str, Cause]:
    text = f"runs {first.path}::{first.name}"
    link = rest[0]
    is_own = link.path == first.path and _root(link) == _root(first)
    if is_own and link.kind is Kind.DEFINITION:
        if len(rest) == 1:
            return f"{text}{_DEFINITION}", link
        return f"{text}, whose definition mentions {_last(rest[1])}", rest[1]
    if link.kind is Kind.MEMOISED:
        return f"{text}, which may use what {_last(link)} keeps", link
    return f"{text}, which {first.wording} {_last(link)}", link


def _origin(link: Cause) -> str:
    """The end of a chain: what changed."""
    what = link.path or link.name
    if link.kind is Kind.UNKNOWN:
        return f"{what}, which {link.wording}"
    if link.kind is Kind.METADATA:
        return f"the distributions in {what} {link.wording}"
    if link.kind in _NAMED_BY_THEMSELVES:
        outcome = f"was {link.wording}" if link.comes_or_goes else link.wording
        is_told_by_path = link.kind is Kind.FILE and link.path
        called = "" if is_told_by_path else _CALLED.get(link.kind, link.kind.value)
        return f"{called} {what} {outcome}".lstrip()
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
