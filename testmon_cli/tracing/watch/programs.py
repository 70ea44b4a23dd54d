"""Sees which programs project code starts, and which files are words of their commands."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from testmon_cli.tracing.originals import is_file, paths
from testmon_cli.tracing.watch.frames import Frames
from testmon_cli.tracing.watch.project_reads import ProjectReads

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


class Programs:
    """Handles the audit events of starting a process."""

    def __init__(self, reads: ProjectReads) -> None:
        self._reads = reads

    def handlers(self) -> Mapping[str, Callable[..., None]]:
        """The functions to call with the arguments of each audit event."""
        return {
            "subprocess.Popen": self._start,
            "os.posix_spawn": self._spawn,
            "os.spawn": self._os_spawn,
            "os.exec": self._spawn,
            "os.system": self._system,
        }

    def _spawn(self, path: Any, arguments: Any, env: Any) -> None:
        self._start(path, arguments, None, env)

    def _os_spawn(self, mode: int, path: Any, arguments: Any, env: Any) -> None:
        self._start(path, arguments, None, env)

    def _system(self, command: Any) -> None:
        self._start(None, command, None, None)

    def _start(self, executable: Any, arguments: Any, cwd: Any, env: Any) -> None:
        reads = self._reads
        words = command_words(arguments)
        folder = os.fsdecode(cwd) if cwd is not None else ""
        frames: Frames | None = None
        for word in _with_values((*words, *_words_for_shell(words))):
            place = reads.places.of(paths.join(folder, word))
            if place is None or not self._is_to_note(place):
                continue
            frames = reads.frames.project_frames() if frames is None else frames
            reads.take("file", place, reads.places.file_state, frames)
        first = words[0] if words else ""
        program = os.fsdecode(executable) if executable is not None else first
        reads.sink.spawned(program, words, env)

    def _is_to_note(self, place: str) -> bool:
        """Tell whether a place is a file that counts, and whose content was not noted yet."""
        reads = self._reads
        is_there = not reads.places.is_skipped(place) and is_file(place)
        return is_there and not reads.is_content_known(place)


def _with_values(words: Iterable[str]) -> Iterator[str]:
    """Words, and the values of options among them: `--file=names.txt`."""
    for word in words:
        yield word
        _, is_given, value = word.partition("=")
        if is_given:
            yield value


def _words_for_shell(words: list[str]) -> list[str]:
    """The words of what a shell is told to run: `sh -c "cat names.txt | sort"`."""
    if len(words) < len(("sh", "-c", "")) or words[1] != "-c":
        return []
    if paths.basename(words[0]) not in _SHELLS:
        return []
    import shlex

    try:
        return list(shlex.shlex(words[2], posix=True, punctuation_chars=True))
    except ValueError:
        return words[2].split()


def command_words(arguments: Any) -> list[str]:
    """The words of a command, however it was given."""
    if isinstance(arguments, str | bytes):
        import shlex

        text = os.fsdecode(arguments)
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()
    if isinstance(arguments, os.PathLike):
        return [os.fsdecode(arguments)]
    return [os.fsdecode(word) for word in arguments if isinstance(word, str | bytes | os.PathLike)]
