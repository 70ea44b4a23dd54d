"""The stored state of a replay, from which it can be continued.

How tests came out, what became of commits, evidence.
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from testmon_cli.application.proof.runs import Ran
from testmon_cli.domain.errors import EnvironmentFailure, TestmonError
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.proof import Base, Finding, Judged, MissingLink, Outcome, Step

_DATAFILE: Final = "testmondata"
_DRAFT: Final = "draft"


def default_place(parts: Sequence[str], environ: Mapping[str, str]) -> Path:
    """Where a replay is kept when nobody says where: the same place for the same question."""
    folder = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(folder):
        folder = os.path.join(os.path.expanduser("~"), ".cache")
    return Path(
        folder,
        "testmon",
        "replay",
        blake2b("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16],
    )


class State:
    """A folder. Each file in it is put in place whole; what it holds of a commit is done."""

    def __init__(self, place: Path, question: Sequence[str], *, anew: bool = False) -> None:
        self.place = place
        asked = place / "question.json"
        try:
            if anew:
                shutil.rmtree(place, ignore_errors=True)
            for name in ("plain", "steps", "bases", "evidence"):
                (place / name).mkdir(parents=True, exist_ok=True)
            if not asked.exists():
                asked.write_text(json.dumps(question), encoding="utf-8")
            is_same = json.loads(asked.read_text(encoding="utf-8")) == [*question]
        except OSError as error:
            raise EnvironmentFailure(f"nothing can be kept in {place}: {error.strerror}") from error
        if not is_same:
            raise TestmonError(
                f"{place} is of a replay with other options: name another folder, or give --anew"
            )

    def plain(self, commit: str) -> Ran | None:
        """How tests came out under pytest alone."""
        found = self._read("plain", commit)
        if found is None:
            return None
        outcomes = {nodeid: Outcome(*values) for nodeid, values in found["outcomes"].items()}
        elsewhere = tuple((name, path) for name, path in found["elsewhere"])
        return Ran(**{**found, "outcomes": outcomes, "elsewhere": elsewhere})

    def keep_plain(self, commit: str, ran: Ran) -> None:
        self._write("plain", commit, ran._asdict())

    def step(self, commit: str) -> Step | None:
        """The stored step of a commit; None where there is none."""
        found = self._read("steps", commit)
        if found is None:
            return None
        findings = tuple(map(_finding, found["findings"]))
        judged = tuple(Judged(*values) for values in found["judged"])
        return Step(
            **{
                **found,
                "findings": findings,
                "differing": tuple(found["differing"]),
                "judged": judged,
            }
        )

    def keep_step(self, step: Step) -> None:
        self._write("steps", step.commit, step._asdict())

    def base(self, commit: str) -> Base | None:
        """The run of all tests at a commit."""
        found = self._read("bases", commit)
        return (
            Base(**{**found, "differing": tuple(found["differing"])}) if found is not None else None
        )

    def keep_base(self, base: Base) -> None:
        self._write("bases", base.commit, base._asdict())

    def _read(self, kind: str, commit: str) -> Any:
        try:
            return json.loads((self.place / kind / f"{commit}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _write(self, kind: str, commit: str, values: Mapping[str, object]) -> None:
        target = self.place / kind / f"{commit}.json"
        draft = target.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(json.dumps(values), encoding="utf-8")
        draft.replace(target)


def _finding(values: Any) -> Finding:
    nodeid, bucket, before, after, text, link = values
    return Finding(nodeid, bucket, before, after, text, _link(link))


def _link(values: Any) -> MissingLink | None:
    if values is None:
        return None
    unseen, relied, limit, text = values
    return MissingLink(tuple(unseen), tuple(relied), limit, text)


class Evidence:
    """The datafiles of one worker: by commit, what is known when its tests have run.

    Each is changed as a copy, so that a replay that is killed has none that is half done.
    """

    def __init__(self, state: State, worker: str, others: Collection[str]) -> None:
        self._folder = state.place / "evidence"
        self._worker = worker
        self._others = others  # workers that run beside this one

    def is_there(self, commit: str) -> bool:
        """Tell whether there is evidence for a commit, perhaps from a worker that has ended."""
        if self._of(commit).is_dir():
            return True
        for folder in sorted(self._folder.glob(f"*.{commit}")):
            if folder.name.partition(".")[0] not in self._others:
                folder.rename(self._of(commit))
                return True
        return False

    def datafile(self, commit: str = _DRAFT) -> str:
        """The path of the datafile for a commit, or of the draft."""
        return str(self._of(commit) / _DATAFILE)

    def begin(self, start: str = "") -> None:
        """Begin a draft, with a copy of what there is for a commit."""
        self.forget(_DRAFT)
        if start:
            shutil.copytree(self._of(start), self._of(_DRAFT))
        else:
            self._of(_DRAFT).mkdir()

    def keep(self, commit: str) -> None:
        """Let the draft be what there is for a commit."""
        self.forget(commit)
        self._of(_DRAFT).rename(self._of(commit))

    def forget(self, commit: str = _DRAFT) -> None:
        shutil.rmtree(self._of(commit), ignore_errors=True)

    def _of(self, commit: str) -> Path:
        return self._folder / f"{self._worker}.{commit}"
