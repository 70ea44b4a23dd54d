"""`testmon combine`: unite datafiles and bundles."""

from testmon_cli.application import combine
from testmon_cli.rendering import bundle as rendering
from testmon_cli.rendering import progress, terminal


def run(paths: tuple[str, ...], *, output: str, format_: str) -> int:
    """Unite and print what was new."""

    def say_waiting() -> None:
        terminal.say(f"testmon: waiting for another process to finish writing {output}\n")

    with progress.bar("Combining") as advance:
        brought = combine.combine(paths, output, progress=advance, on_wait=say_waiting)
    render = rendering.combined_as_json if format_ == "json" else rendering.combined_as_text
    terminal.write(render(output, brought))
    return 0
