"""Takes down what project code reads, or a library on its behalf."""

from collections.abc import Callable

from testmon_cli.tracing.settings import Scope, TraceSettings
from testmon_cli.tracing.watch.frames import FrameReader, Frames
from testmon_cli.tracing.watch.places import Places
from testmon_cli.tracing.watch.sink import Sink
from testmon_cli.tracing.watch.states import EXISTS, directory_state
from testmon_cli.tracing.wire import Resource


class ProjectReads:
    """Tells the sink of files and folders that are read for project code.

    The run's own files do not count.
    """

    def __init__(self, settings: TraceSettings, scope: Scope, sink: Sink) -> None:
        self.sink = sink
        self.frames = FrameReader(scope)
        self.places = Places(settings, scope, sink)

    def is_known(self, kind: str, name: str) -> bool:
        """Tell whether a read was recorded already for whoever runs now."""
        return self.sink.known_state(kind, name) is not None

    def is_content_known(self, place: str) -> bool:
        """Tell whether the content of a file was recorded already, not only that it exists."""
        return self.sink.known_state("file", place) not in (None, EXISTS)

    def take(
        self,
        kind: str,
        place: str,
        state: Callable[[str], str],
        frames: Frames | None = None,
        *,
        to_write: bool = False,
    ) -> None:
        """Take down that a place was read, if project code asked for it.

        In the frames given, or else in those of now.

        `state` is called with the place; `to_write` says that who reads is about to write there.
        """
        found = self.frames.project_frames() if frames is None else frames
        is_wanted = (
            found
            or self.is_of_no_source()
            or (frames is None and self.frames.is_in_fixture_of_library())
        )
        if is_wanted and not self.places.is_skipped(place, to_write=to_write):
            self.sink.read(Resource(kind, place, state(place), found))

    def is_of_no_source(self) -> bool:
        """Tell whether code runs for a test that is no source."""
        return self.frames.is_of_no_source(is_started=self.sink.has_starter())

    def take_file(self, place: str, *, to_write: bool = False) -> None:
        """Take down that a file was read, also where that is known.

        Another function may keep what it reads.
        """
        self.take("file", place, self.places.file_state, to_write=to_write)

    def take_folder(self, place: str) -> None:
        """Take down that a folder was listed."""
        self.take(
            "directory",
            place,
            lambda folder: directory_state(folder, self.places.created_in(folder)),
        )

    def take_file_for_all(self, place: str) -> None:
        """Take a file down that every test may rely on."""
        if not self.places.is_skipped(place):
            self.sink.read_for_all(Resource("file", place, self.places.file_state(place)))
