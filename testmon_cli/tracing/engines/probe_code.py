"""Probes: one store into a list at the start of each block, written into the code at import.

A probe is compiled as `MARK.hits[index] = 1`, of plain constants: the code can be cached on disk.
`bind` puts the `Probes` of the source in the place of the mark. No name is added to any namespace,
and a probe takes the position of the statement it precedes, so that lines, tracebacks and sources
are as they were. A list is the fastest to store into, by far: the interpreter has an instruction of
its own for it. But only the process that has it can read it: memory that outlives the process can
take its place.

A name that is computed and then looked up (`getattr(x, name)`) is noted as it comes by:
`MARK.look(way, name)` stands in its place, and gives it. The look-up itself is as it was.

Harvests must not look at sources that did not run, since a project has many. So a source from which
no list is to be read is idle: its `Probes` stand in the place of their own list, and their first
store puts the list there and notes the source.

Around what a function makes and keeps for others stands `MARK.makes = name` and, however it ends,
`MARK.made = name`. Before a statement that keeps something in its object stands `MARK.fills[what] =
self`, before one that reads it `MARK.reads[what] = self`, see `holders`.
"""

import mmap
import operator
import sys
from collections.abc import Callable, Collection, Iterator, MutableSequence
from functools import partial
from types import CodeType, GetSetDescriptorType, ModuleType
from typing import Any, NamedTuple, Self

from testmon_cli.tracing.disguise import disguise

MARK = "testmon probe".center(15, "\0")  # a constant would be a mark in the code of this module
CAPACITY = 1 << 24
HITS = "hits"
FILLS = "fills"
READS = "reads"
LOOK = "look"
MOST_ASKED = 500  # names that one source may look up in one way before all count as looked up
WAYS = 10  # of looking up, see analysis.lookups
OVERFLOW = "*"  # no name: too many were asked for
_ON_IMPORT = WAYS // 2  # the first of those of code at the level of a module or class
# the ways of evaluating, or of asking for modules: what is given may be a text, or code
_BY_NAME = (0, _ON_IMPORT)
# for what a name may consist of, beside letters and digits
_IN_NAMES = str.maketrans("._-:", "aaaa")
_LONGEST_NAME = 100  # characters; longer strings in code are texts
# What a text or code that uses these looks up is not known. As attributes (`environment.getattr`)
# some are others.
_BUILTINS_THAT_LOOK_UP = frozenset({"delattr", "dir", "eval", "exec", "getattr", "globals", "hasattr", "locals",
                                    "setattr", "vars", "__import__"})  # fmt: skip
_LOOKING_UP = frozenset({"__builtins__", "__dict__", "__subclasses__", "attrgetter", "builtins", "find_spec",
                         "getattr_static", "getfixturevalue", "getmembers", "getmembers_static", "import_module",
                         "iter_modules", "methodcaller", "modules", "walk_packages"})  # fmt: skip
_OF_ATTRIBUTES = frozenset(
    {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR", "DELETE_ATTR"}
)
_WALKS = (_ON_IMPORT - 1, WAYS - 1)  # the ways of going through all names of an object
_MODULE_DICT = vars(ModuleType)["__dict__"].__get__
_CLASSES = vars(type)["__mro__"].__get__
_NAME = vars(type)["__name__"].__get__
_NAMESPACE = vars(type)["__dict__"].__get__
_FLAGS = vars(type)["__flags__"].__get__
# of the flags: made by a class statement or the like; see CPython's object.h
_IS_HEAP_TYPE = 1 << 9
# What makes the names of an object those of another: a proxy has some of it.
_STANDING_IN = frozenset({"__dir__", "__getattr__", "__class__"})
_PLAIN = (object, type, ModuleType)
_QUALNAME = vars(type)["__qualname__"].__get__
# As names that were looked up: there were others, by functions or on import.
LOST, LOST_ON_IMPORT = f"0{OVERFLOW}", f"{_ON_IMPORT}{OVERFLOW}"
STATEMENT = "statement"
MAKES = "makes"
MADE = "made"
# Evaluated where code that was pickled by value is loaded, maybe without testmon.
_RECALL = "(lambda here: here.recall(*{source!r}) if here else {partial})(__import__('sys').modules.get({module!r}))"
# gives its second argument, without a frame that a profiler or debugger would see
_GIVE = partial({}.get)
_UNREAD = "__import__('functools').partial(int)"  # has a hash and takes any attribute
_UNNOTED = "type('Unnoted', (), {'__setitem__': __import__('operator').is_})()"


class Unnoted:
    """Takes what keeps something and forgets it.

    The store is no call that a debugger or profiler would see.
    """

    __slots__ = ()

    __setitem__ = operator.is_

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (_UNNOTED,)  # noqa: S307 - our own text


UNNOTED = Unnoted()


class Source(NamedTuple):
    """Which source probes are of."""

    path: str
    digest: str
    size: int
    places: int  # blocks and the module itself


finder: "Callable[[Source], Probes | None] | None" = None  # of the engine of this process
# of it, too: is told of each statement that a module comes to
observer: "Callable[[str, int], None] | None" = None
# Of it, too: is told which function begins to make what it keeps for others, and which has done so.
begin_making: "Callable[[str, str], None] | None" = None
end_making: "Callable[[str, str], None] | None" = None


class Probes:
    """The hits of one source: 1 for each block, and for the module, whose probe was met."""

    __slots__ = (
        FILLS,
        HITS,
        LOOK,
        READS,
        "asked",
        "asking",
        "line",
        "number",
        "source",
        "spare",
        "woken",
    )

    hits: MutableSequence[int] | Self  # itself while it is idle
    line: int

    def __init__(self, hits: MutableSequence[int], number: int = -1) -> None:
        self.hits = hits
        self.look: Callable[[int, Any], Any] = self.note
        self.fills: Any = UNNOTED  # is told which objects keep something, see `holders`
        self.reads: Any = UNNOTED  # is told of which objects code reads what is kept there
        self.number = number  # of the source
        # names that were looked up, by way
        self.asked: tuple[dict[str, None], ...] = tuple({} for _ in range(WAYS))
        self.asking: dict[int, None] = {}  # numbers of sources that looked names up, shared by all
        self.source: Source | None = None
        self.spare: list[int] = []  # the list for the first hit while it is idle
        self.woken: dict[int, None] = {}  # numbers of sources that are not idle, shared by all

    def rest(self, spare: list[int], woken: dict[int, None]) -> MutableSequence[int] | Self:
        """Become idle; gives what took the hits up to now."""
        self.woken = woken
        # Threads switch at calls and backward jumps, so none can come between these lines.
        before = self.hits
        self.spare = spare
        self.hits = self
        return before

    @property
    def statement(self) -> int:
        """The line of the statement that the module came to, set by its code; see `watched`."""
        return 0

    @statement.setter
    def statement(self, line: int) -> None:
        if observer is not None and self.source is not None:
            observer(self.source.path, line)

    @property
    def makes(self) -> str:
        """The function that begins to make what it keeps for others, set by its code.

        See `statement`.
        """
        return ""

    @makes.setter
    def makes(self, qualname: str) -> None:
        if begin_making is not None and self.source is not None:
            begin_making(self.source.path, qualname)

    @property
    def made(self) -> str:
        """The function that has made what it keeps for others, set by its code."""
        return ""

    @made.setter
    def made(self, qualname: str) -> None:
        if end_making is not None and self.source is not None:
            end_making(self.source.path, qualname)

    def watched(self, is_watched: bool) -> None:
        """Have the code of the source call nothing of ours, or call it again."""
        if is_watched:
            self.wake()
            self.overlook()
        else:
            self.look_on()
        self.__class__ = SilentProbes if is_watched else Probes

    def wake(self) -> None:
        """Make room for hits without waiting for the first."""
        if self.hits is self:
            self.hits = self.spare
            self.woken[self.number] = None

    def __setitem__(self, index: int, value: int) -> None:
        # A thread may wake it before another that is here, too. For those that come between see
        # above.
        hits = self.hits
        if hits is self:
            hits = self.hits = self.spare
            self.woken[self.number] = None
        hits[index] = value

    def note(self, way: int, name: Any) -> Any:
        """Note a name that is about to be looked up, and give it.

        What is no text is none, and must not be touched.

        Of an object that is gone through the names of its classes are noted, of a module its own;
        of what may be a proxy, that it may be anything.
        """
        kind = type(name)
        if way in _WALKS:
            for what in _names_of(name, kind):
                if what not in self.asked[way]:
                    self._ask(way, what)
        elif kind is str:
            if name not in self.asked[way]:
                self._note_text(way, name)
        elif issubclass(kind, str):
            self._note_text(way, str.__str__(name))
        elif way in _BY_NAME and kind in (CodeType, bytes, bytearray, memoryview):
            for word in words_of_code(name) if kind is CodeType else (OVERFLOW,):
                self._ask(way, word)
        return name

    def _note_text(self, way: int, text: str) -> None:
        if way not in _BY_NAME or _is_name(text):
            self._ask(way, text)
            return
        for word in _words_of_text(text):
            self._ask(way, word)

    def _ask(self, way: int, name: str) -> None:
        # First the name, then the number: a harvest in between finds the name the next time.
        asked = self.asked[way]
        asked[name if len(asked) < MOST_ASKED else OVERFLOW] = None
        self.asking[self.number] = None

    def take_asked(self) -> Iterator[str]:
        """The names that were looked up since the last call, each after the number of the way."""
        for way, asked in enumerate(self.asked):
            while asked:  # other threads may add to it
                name, _ = asked.popitem()
                lost = LOST if way < _ON_IMPORT else LOST_ON_IMPORT
                is_lost = name == OVERFLOW and way not in _WALKS
                yield lost if is_lost else f"{way}{name}"

    def overlook(self) -> None:
        """Note no names from now on, and leave no frame where they are looked up."""
        self.look = _GIVE

    def look_on(self) -> None:
        """Note names again."""
        self.look = self.note

    def __reduce__(self) -> tuple[Any, ...]:
        """Code that is pickled by value finds its probes again.

        Where nothing is traced, what it has nobody reads.
        """
        recalled = (
            _RECALL.format(source=tuple(self.source), partial=_UNREAD, module=__name__)
            if self.source
            else _UNREAD
        )
        return (
            eval,  # noqa: S307 - our own text
            (recalled,),
            (int, (), {}, {HITS: {}, LOOK: _GIVE, FILLS: UNNOTED, READS: UNNOTED}),
        )

    def __setstate__(self, state: object) -> None:
        """The state is for what takes the place of probes."""

    def __deepcopy__(self, memo: object) -> Self:
        return self


class SilentProbes(Probes):
    """Probes that take down which statement comes, or what is made, and tell nobody.

    A debugger or profiler would see the call that tells it.
    """

    __slots__ = ()
    statement = makes = made = Probes.line  # type: ignore[assignment] # the slot itself


def recall(*source: Any) -> Any:
    """The probes of a source in this process, or what nobody reads."""
    found = finder(Source(*source)) if finder is not None else None
    return partial(int) if found is None else found


class HitArray(mmap.mmap):
    """A byte per probe, in memory that forked children share."""

    def __new__(cls, handle: int = -1) -> Self:
        """Map the file of a handle, which outlives this process, or memory without a file."""
        return super().__new__(cls, handle, CAPACITY)

    def part(self, base: int, count: int) -> MutableSequence[int]:
        """The bytes of one source, to store into."""
        return memoryview(self)[base : base + count]  # type: ignore[return-value] # it takes and gives integers


class Probed(NamedTuple):
    """The probes of instrumented code, as it tells them itself."""

    # of the function of each block; the module's own probe comes after them
    qualnames: tuple[str, ...]


def probed(code: CodeType) -> Probed | None:
    """Read from a module's code which probes it has; None where it has none."""
    for constant in code.co_consts:
        if _is_own_probe(constant):
            return Probed(constant[2])
    return None


def bind(code: CodeType, probes: Probes) -> CodeType:
    """Copy code so that its probes store into `probes`."""
    constants = []
    changed = False
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            bound: object = bind(constant, probes)
        elif (
            isinstance(constant, str) and constant == MARK
        ):  # bytes must not be compared: python -b
            bound = probes
        elif _is_own_probe(constant):
            bound = constant[1]
        else:
            bound = constant
        changed = changed or bound is not constant
        constants.append(bound)
    return code.replace(co_consts=tuple(constants)) if changed else code


def _is_own_probe(constant: Any) -> bool:
    """Tell whether a constant is the index of a module's own probe.

    It says whose the others are, too.
    """
    return (
        isinstance(constant, tuple)
        and len(constant) == 3
        and isinstance(constant[0], str)
        and constant[0] == MARK
    )


def _names_of(value: Any, kind: type) -> tuple[str, ...]:
    """Names of what an object is, found without running any code of its own."""
    classes = _CLASSES(kind)
    # A metaclass that gives what a class has not does not matter: a class has all of these.
    standing_in = _STANDING_IN - {"__getattr__"} if type in classes else _STANDING_IN
    if not all(_shows_itself(cls, standing_in) for cls in classes):
        return (OVERFLOW,)
    if ModuleType in classes:
        return _names_of_module(_MODULE_DICT(value))
    if type in classes:
        classes = _CLASSES(value)
    return tuple(
        {name for cls in classes for name in (_NAME(cls), _QUALNAME(cls).rpartition(".")[2])}
        - {"object"}
    )


def _shows_itself(cls: type, standing_in: frozenset[str]) -> bool:
    """Tell whether the names of an object of a class are its own.

    Those of a proxy may be another object's.
    """
    if cls in _PLAIN:
        return True
    names = _NAMESPACE(cls)
    if not standing_in.isdisjoint(names) or type(names.get("__dict__")) not in (
        GetSetDescriptorType,
        type(None),
    ):
        return False
    return "__getattribute__" not in names or not _FLAGS(cls) & _IS_HEAP_TYPE


def _names_of_module(names: dict[str, Any]) -> tuple[str, ...]:
    """A module by its name and by its file: it may have been loaded under any name."""
    file, name = names.get("__file__"), names.get("__name__")
    if type(file) is not str or type(name) is not str:
        return (name,) if type(name) is str and name in sys.builtin_module_names else (OVERFLOW,)
    folder, _, last = file.replace("\\", "/").rpartition("/")
    stem = last.partition(".")[0]
    return name, folder.rpartition("/")[2] if stem == "__init__" else stem


def _words_of_text(text: str) -> Collection[str]:
    """The names that a text may use when it is evaluated."""
    words = _words_in(text)
    is_open = not words.isdisjoint(_BUILTINS_THAT_LOOK_UP) or not words.isdisjoint(_LOOKING_UP)
    return (OVERFLOW,) if is_open else words


def words_of_code(code: CodeType) -> Collection[str]:
    """The names that code uses, with the texts in it that could be names."""
    words: set[str] = set()
    pending: list[object] = [code]
    while pending:
        constant = pending.pop()
        if isinstance(constant, CodeType):
            names = set(constant.co_names)
            if not names.isdisjoint(_LOOKING_UP) or _uses_builtins_that_look_up(constant, names):
                return (OVERFLOW,)
            words |= names
            pending += constant.co_consts
        elif isinstance(constant, tuple | frozenset):
            pending += constant
        elif isinstance(constant, str) and "{" in constant:  # it may be filled in
            words |= _words_in(constant)
        elif isinstance(constant, str) and len(constant) <= _LONGEST_NAME and _is_name(constant):
            words.add(constant)
    return words


def _uses_builtins_that_look_up(code: CodeType, names: set[str]) -> bool:
    suspects = names & _BUILTINS_THAT_LOOK_UP
    if not suspects:
        return False
    import dis  # which takes a while; pytest has it

    return any(
        i.argval in suspects and i.opname not in _OF_ATTRIBUTES for i in dis.get_instructions(code)
    )


def _is_name(text: str) -> bool:
    return text.translate(_IN_NAMES).isalnum()


def _words_in(text: str) -> set[str]:
    import re  # as above

    return set(re.findall(r"[^\W\d]\w*", text))


disguise(_names_of)
disguise(_words_of_text)
disguise(words_of_code)
disguise(_uses_builtins_that_look_up)
disguise(_is_name)
disguise(_words_in)
disguise(Probes._note_text)
disguise(_shows_itself)
disguise(_names_of_module)
disguise(Probes.note)
disguise(Probes._ask)
