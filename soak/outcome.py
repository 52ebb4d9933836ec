"""What a harness has found, and how it hands it over: one line of JSON, the last of its stdout."""

import json
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import typer


@dataclass(frozen=True)
class Outcome:
    """Numbers of tries, which add up over rounds; figures of which the largest counts; a sentence for what broke."""

    counts: dict[str, int] = field(default_factory=dict)
    worst: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @classmethod
    def merged(cls, outcomes: "Iterable[Outcome]") -> "Outcome":
        """All rounds as one."""
        counts: dict[str, int] = {}
        worst: dict[str, float] = {}
        failures: list[str] = []
        for outcome in outcomes:
            counts |= {name: counts.get(name, 0) + count for name, count in outcome.counts.items()}
            worst |= {name: max(worst.get(name, figure), figure) for name, figure in outcome.worst.items()}
            failures += outcome.failures
        return cls(counts, worst, failures)

    def as_dict(self) -> dict[str, Any]:
        """What `Outcome(**...)` takes."""
        return asdict(self)

    def json(self) -> str:
        """The same as one line."""
        return json.dumps(self.as_dict())

    def figure(self) -> str:
        """The numbers as one phrase."""
        parts = [f"{count:,} {name}" for name, count in self.counts.items()]
        return ", ".join([*parts, *(f"{name} {figure:.4g}" for name, figure in self.worst.items())])


def command(run: Callable[[int, float], Outcome]) -> None:
    """The command line of a harness: `--seed`, `--minutes`; exit code 1 where something broke."""

    def main(
        seed: Annotated[int, typer.Option(help="The same seed makes the same tries.")] = 0,
        minutes: Annotated[float, typer.Option(help="How long to go on trying.")] = 1.0,
    ) -> None:
        # In the background Ctrl-C is ignored, also by all that is started and interrupted here.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        outcome = run(seed, 60 * minutes)
        print(outcome.json(), flush=True)
        raise typer.Exit(bool(outcome.failures))

    main.__doc__ = sys.modules["__main__"].__doc__
    typer.run(main)


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)
