"""Which known thing somebody meant who named one that is not there."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Suggest the known name that is most like `name`: "did you mean x?".

    Returns `otherwise` where none is like it.
    """
    import difflib

    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    if not close:  # as somebody types who forgot the folder
        close = [other for other in known if name and other.endswith(f"/{name}")][:1]
    return f"did you mean {close[0]}?" if close else otherwise
