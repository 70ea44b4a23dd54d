"""A chain of causes as one short sentence."""

from testmon_cli.domain.causes import Cause


def sentence(cause: Cause) -> str:
    """Like `runs app/price.py::total, which mentions TAX_RATE, changed at app/config.py:3`."""
    chain = cause.chain()
    first = chain[0]
    parts = []
    if first.kind == "block" and first.via is not None:
        parts.append(f"runs {first.path}::{first.name}, which {first.how} {_last(first.via.name)}")
        chain = chain[1:]
    elif first.kind == "block":
        return f"runs {first.path}::{first.name}, {first.how}{_at(first)}"
    elif first.kind == "import" and first.how == "needs":
        parts.append(f"needs {first.path}")
        chain = chain[1:]
    for link in chain[1:]:
        via = _last(link.name) or link.path
        if via and not parts:
            parts.append(f"depends on {_last(chain[0].name)}")
        break
    parts.append(_origin(chain[-1], mentioned=bool(parts) and len(chain) == 1))
    return ", ".join(parts)


def _origin(link: Cause, *, mentioned: bool) -> str:
    if link.kind == "unknown":
        return f"{link.path or link.name} {link.how}"
    if link.kind == "file":
        return f"{link.how}: {link.path or link.name}"
    if link.kind in ("environment", "package", "directory", "glob", "config"):
        return f"{link.kind} {link.name} {link.how}".replace("  ", " ")
    if mentioned and link.kind == "definition":
        return f"{link.how}{_at(link)}"
    name = link.name or "a statement"
    return f"{name} {link.how}{_at(link)}"


def _at(link: Cause) -> str:
    if not link.path:
        return ""
    return f" at {link.path}:{link.line}" if link.line else f" in {link.path}"


def _last(name: str) -> str:
    return name.rpartition(".")[2]
