"""When the long crash run last ran each story, and whether the code is still the same."""

import hashlib
import io
import json
import subprocess
import tokenize
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

#: Committed, so that a release shows what was run and what was not.
RECORD = Path("tests/scenario/last-run.json")

#: What a run depends on: the provider, and what runs the stories.
SUBJECT = (
    "provider/front/cluster_provider/**/*.py",
    "tests/scenario/__main__.py",
    "tests/scenario/crashes.py",
    "tests/support/fakes.py",
    "tests/support/faults.py",
    "tests/support/simulation.py",
    "tests/support/world.py",
)


@dataclass(frozen=True)
class StoryRun:
    """One story, run with every death and every pair of deaths.

    Args:
        date: The day, UTC, as YYYY-MM-DD.
        commit: The commit that was checked out, with ``+changes`` if its subject was changed since.
        digest: Of the files it depends on.
        single: Runs with one death.
        pairs: Runs with two.
        failures: How many of all went wrong.
        seconds: How long they took, by the clock on the wall.
    """

    date: str
    commit: str
    digest: str
    single: int
    pairs: int
    failures: int
    seconds: int


def digest(root: Path = Path()) -> str:
    """What the stories depend on, as 16 hexadecimal digits; other code or another file name gives others.

    Comments, docstrings and layout do not count: a story passes the same way whatever they say.
    """
    summed = hashlib.sha256()
    for path in sorted({path for pattern in SUBJECT for path in root.glob(pattern)}):
        content = hashlib.sha256(code(path.read_text(encoding="utf-8")).encode()).hexdigest()
        summed.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return summed.hexdigest()[:16]


def code(text: str) -> str:
    """Returns a module's tokens without comments, docstrings and layout."""
    kept: list[str] = []
    begins, documents = True, False  # a logical line; one that holds nothing but a docstring
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER}:
            continue
        if token.type == tokenize.STRING and begins:
            documents = True
        elif not (token.type == tokenize.NEWLINE and documents):
            is_layout = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
            kept.append(tokenize.tok_name[token.type] if is_layout else token.string)
        if token.type == tokenize.NEWLINE:
            documents = False
        begins = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    return " ".join(kept)


def commit() -> str:
    """The commit that is checked out; it says so if what the stories depend on was changed since."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", *SUBJECT)
    return f"{head}+changes" if changed else head


def load(path: Path = RECORD) -> dict[str, StoryRun]:
    """The last run of each story that was ever run."""
    if not path.exists():
        return {}
    return {name: StoryRun(**fields) for name, fields in json.loads(path.read_text()).items()}


def save(name: str, run: StoryRun, path: Path = RECORD) -> None:
    """Records a story's run in place of its last one; the others stay as they are."""
    runs = {**load(path), name: run}
    fields = {story: asdict(runs[story]) for story in sorted(runs)}
    path.write_text(json.dumps(fields, indent=2) + "\n")


def standing(run: StoryRun | None, present: str) -> str:
    """What a record is worth: ``passed`` if it is about the present code and nothing went wrong.

    Args:
        run: The last run; None if there was none.
        present: The digest of the present code.
    """
    if run is None:
        return "never run"
    if run.digest != present:
        return "older than the code"
    return f"{run.failures} FAILURES" if run.failures else "passed"


def report(stories: Iterable[str], runs: dict[str, StoryRun], present: str) -> tuple[list[str], bool]:
    """A line for each story, and whether all of them passed with the present code.

    A record of a story that there is no more counts for nothing.
    """
    lines, standings = [], []
    for name in stories:
        run = runs.get(name)
        standings.append(standing(run, present))
        line = f"{standings[-1]:<20} {name}"
        if run is not None:
            ran = f"{run.single + run.pairs} runs, {run.failures} failures"
            line += f": {ran}, {run.date}, {run.commit}"
        lines.append(line)
    passed = standings.count("passed")
    lines.append(f"{passed} of {len(standings)} stories passed with the present code")
    return lines, passed == len(standings)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
