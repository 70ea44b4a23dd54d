"""Puts instrumented code in the place of what Python's imports and pytest make of a source."""

import _imp
import importlib
from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol

from testmon_cli.domain import garbage
from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.disguise import IMPORT_MACHINERY, disguise
from testmon_cli.tracing.engines.cache_seal import read_key
from testmon_cli.tracing.engines.protocol import EngineUnavailableError
from testmon_cli.tracing.settings import Scope

if TYPE_CHECKING:
    import ast
    from pathlib import Path

machinery: Any = importlib._bootstrap_external


class Runs(Protocol):
    """Who is to see the code run."""

    def bound(self, code: CodeType, path: str, digest: str, size: int) -> CodeType | None:
        """The code, with its probes connected; None where it must run without."""

    def count_all(self, path: str, data: bytes) -> None:
        """A source runs unseen: all of its blocks count as run by every test."""

    def blind(self, path: str, reason: str) -> None:
        """A source runs unseen, and nothing is known of what runs it."""


class CodeHooks:
    """The hooks into the import system and into pytest's rewriting of assertions."""

    def __init__(self, scope: Scope, runs: Runs) -> None:
        self._scope = scope
        self._runs = runs
        self._kept: Any = None  # the cache of instrumented code, once it is needed

    def hook_imports(self) -> None:
        """Have imports run our code from now on; raises EngineUnavailableError."""
        loader = getattr(machinery, "SourceLoader", None)
        if loader is None or "get_code" not in vars(loader):
            raise EngineUnavailableError("importlib's SourceLoader is not as expected")
        if self._scope.source(__file__) is not None:  # the project is testmon, see `self_hosting`
            _probe_cache(), _instrument()
        loader.get_code = self._wrap_get_code(loader.get_code)

    def hook_pytest(self) -> None:
        """Have pytest rewrite our code from now on; raises EngineUnavailableError."""
        from _pytest.assertion import rewrite

        if not all(
            hasattr(rewrite, name)
            for name in ("rewrite_asserts", "get_cache_dir", "AssertionRewritingHook")
        ):
            raise EngineUnavailableError("pytest's assertion rewriting is not as expected")
        # Plain runs never read what we keep, nor do runs in which other files are the project's.
        folder = f"testmon-{_probe_cache().cache_key()}-{self._scope.key()}"
        module: Any = rewrite
        module.get_cache_dir = self._wrap_cache_dir(rewrite.get_cache_dir, folder)
        rewrite.rewrite_asserts = self._wrap_rewrite(rewrite.rewrite_asserts)

    def code_for(self, path: str, canonical: str, data: bytes) -> CodeType | None:
        """The code of a source, ready to run, or None when it must run without probes."""
        if self._scope.stays_plain(canonical):
            self._runs.count_all(canonical, data)
            return None
        digest = blake2b(data, digest_size=16).hexdigest()

        def make() -> CodeType:
            import ast

            with garbage.left_lying():
                tree = ast.parse(data, filename=path)
                _instrument()(tree)
                code: CodeType = compile(tree, path, "exec", dont_inherit=True)
                return code

        try:
            code = self._cache().code(canonical, digest, make)
        except (SyntaxError, UnicodeError):
            return None  # importing it fails the same way without us, with the message Python gives
        except Exception as problem:
            self._runs.blind(canonical, type(problem).__name__)
            return None
        if code.co_filename != path:
            _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
        return self._runs.bound(code, canonical, digest, len(data))

    def _cache(self) -> Any:
        if self._kept is None:
            self._kept = _probe_cache().Cache(self._scope.root, read_key(self._scope.key_file))
        return self._kept

    def _wrap_get_code(
        self, original: Callable[..., CodeType | None]
    ) -> Callable[..., CodeType | None]:
        source, code_for, blind = self._scope.source, self.code_for, self._runs.blind
        plain = machinery.SourceFileLoader.source_to_code

        def get_code(self: Any, fullname: str) -> CodeType | None:
            path = self.get_filename(fullname)
            canonical = source(path)
            if canonical is None:
                return original(self, fullname)
            if type(self).source_to_code is not plain:
                blind(canonical, f"{type(self).__module__} compiles it in its own way")
                return original(self, fullname)
            try:
                data = self.get_data(path)
            except OSError:
                return original(self, fullname)
            code = code_for(path, canonical, data)
            return original(self, fullname) if code is None else code

        return disguise(get_code, IMPORT_MACHINERY)

    def _wrap_cache_dir(
        self, original: "Callable[[Path], Path]", folder: str
    ) -> "Callable[[Path], Path]":
        source = self._scope.source

        def get_cache_dir(file_path: "Path") -> "Path":
            found = original(file_path)
            is_ours = file_path.is_absolute() and source(str(file_path)) is not None
            return found / folder if is_ours else found

        return disguise(get_cache_dir)

    def _wrap_rewrite(self, original: Callable[..., None]) -> Callable[..., None]:
        source, stays_plain, blind = self._scope.source, self._scope.stays_plain, self._runs.blind

        def rewrite_asserts(
            mod: "ast.Module",
            source_bytes: bytes,
            module_path: str | None = None,
            *rest: Any,
            **named: Any,
        ) -> None:
            path = source(module_path) if module_path else None
            if path is not None and not stays_plain(path):
                try:
                    _instrument()(mod)
                except Exception as problem:
                    blind(path, type(problem).__name__)
            original(mod, source_bytes, module_path, *rest, **named)

        return rewrite_asserts


@cache
def _probe_cache() -> Any:
    from testmon_cli.tracing.engines import probe_cache

    return probe_cache


@cache
def _instrument() -> "Callable[[ast.Module], None]":
    from testmon_cli.tracing.engines.instrument import instrument

    return instrument
