"""Sees which programs project code starts, and what they are given to read.

What Python does there is traced. What another program reads is not known: the files and folders
that its command names count, the data files in the folder where it is started, and the variables
that a command for a shell names.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from testmon_cli.tracing.originals import (
    environ,
    is_file,
    is_folder,
    is_link,
    list_folder,
    paths,
)
from testmon_cli.tracing.watch.commands import (
    command_words,
    is_python,
    path_of,
    text_for_shell,
    variables_of_text,
    with_values,
    words_of_text,
)
from testmon_cli.tracing.watch.frames import Frames
from testmon_cli.tracing.watch.project_reads import ProjectReads
from testmon_cli.tracing.watch.states import is_debris

# Programs that look at the history of a folder, whatever is in it now.
_OF_HISTORY = frozenset({"git", "hg", "svn", "jj"})
_MOST_FILES = 1000  # below a folder that a program is given


class Programs:
    """Handles the audit events of starting a process."""

    def __init__(self, reads: ProjectReads, read_variable: Callable[[str, Any], None]) -> None:
        self._reads = reads
        self._read_variable = read_variable  # takes a name and the environment of the program
        self._first_folder = reads.places.of(".")

    def handlers(self) -> Mapping[str, Callable[..., None]]:
        """The functions to call with the arguments of each audit event."""
        return {
            "subprocess.Popen": self._start,
            "os.posix_spawn": self._spawn,
            "os.spawn": self._os_spawn,
            "os.exec": self._exec,
            "os.system": self._system,
        }

    def _spawn(self, path: Any, arguments: Any, env: Any) -> None:
        self._start(path, arguments, None, env)

    def _os_spawn(self, mode: int, path: Any, arguments: Any, env: Any) -> None:
        self._start(path, arguments, None, env)

    def _exec(self, path: Any, arguments: Any, env: Any) -> None:
        self._start(path, arguments, None, env)
        self._reads.sink.replaced()

    def _system(self, command: Any) -> None:
        words = command_words(command)
        self._read(words, os.fsdecode(command), None, None)
        self._reads.sink.spawned(words[0] if words else "", words, None)

    def _start(self, executable: Any, arguments: Any, cwd: Any, env: Any) -> None:
        words = command_words(arguments)
        first = words[0] if words else ""
        self._read(words, text_for_shell(words), cwd, env)
        program = os.fsdecode(executable) if executable is not None else first
        self._reads.sink.spawned(program, words, env)

    def _read(self, words: list[str], text: str, cwd: Any, env: Any) -> None:
        """Take down what a program may read; `text` is what a shell is told to run."""
        folder = os.curdir if cwd is None else os.fsdecode(cwd)
        told = words_of_text(text)
        for name in variables_of_text(text):
            self._read_variable(name, env)
        named = [paths.join(folder, word) for word in with_values((*words, *told))]
        self._read_files(named)
        command = told or words
        if command and self._is_untold(command[0], env):
            self._read_folders(named)
            if self._reads.places.of(folder) != self._first_folder:
                self._read_folders([folder], with_sources=False)

    def _is_untold(self, program: str, env: Any) -> bool:
        """Tell whether nothing but its command says what a program reads."""
        if paths.basename(program) in _OF_HISTORY:
            return False
        return not is_python(path_of(program, environ if env is None else env))

    def _read_files(self, named: Iterable[str]) -> None:
        frames: Frames | None = None
        for path in named:
            place = self._reads.places.of(path)
            if place is not None and self._is_to_note(place):
                frames = self._reads.frames.project_frames() if frames is None else frames
                self._reads.take("file", place, self._reads.places.file_state, frames)

    def _is_to_note(self, place: str) -> bool:
        """Tell whether a place is a file that counts, and whose content was not noted yet."""
        reads = self._reads
        is_there = not reads.places.is_skipped(place) and is_file(place)
        return is_there and not reads.is_content_known(place)

    def _read_folders(self, named: Iterable[str], *, with_sources: bool = True) -> None:
        """Take down what is in the folders below the root that paths lead to."""
        for path in named:
            place = self._reads.places.of(path)
            if place is not None and self._reads.places.is_inner_folder_to_note(place):
                files = islice(self._files_below(place), _MOST_FILES)
                is_source = self._reads.places.is_source
                self._read_files(f for f in files if with_sources or not is_source(f))

    def _files_below(self, folder: str) -> Iterator[str]:
        """The files below a folder, which counts as listed; none where that is known."""
        if self._reads.is_known("directory", folder):
            return
        self._reads.take_folder(folder)
        for name in sorted(list_folder(folder)):
            place = paths.join(folder, name)
            if is_debris(name):
                continue
            if is_folder(place) and not is_link(place):
                yield from self._files_below(place)
            else:
                yield place
