"""How models are measured: the options that ``evaluate`` and ``compare`` share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

_PANEL = "Protocol"


class Cold(StrEnum):
    """What to do with test users whom training does not know."""

    skip = "skip"
    score = "score"


def one_each(names: list[str] | None) -> list[str] | None:
    """The names of metrics, none of which is a list of them.

    Raises
    ------
    typer.BadParameter
        If one is; says how to name several.
    """
    for name in names or ():
        if "," in name:
            several = " ".join(f"--metric {part.strip()}" for part in name.split(",") if part.strip())
            raise typer.BadParameter(f"{name!r} is no metric; repeat the option to name several: {several}")
    return names


@dataclass(frozen=True)
class Protocol:
    """Arguments of `tastespace.evaluate`."""

    k: Annotated[
        list[int] | None,
        typer.Option("-k", help="Length of the list; repeat for more. Default 10.", rich_help_panel=_PANEL),
    ] = None
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            callback=one_each,
            help="ndcg, recall@20, rmse, ..., or all; repeat for more. Default the usual ones.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    relevant: Annotated[
        float | None,
        typer.Option(
            "--relevant",
            help="A test item counts if its value is at least this. Default all count.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Rank items of the history too.", rich_help_panel=_PANEL)
    ] = False
    cold: Annotated[
        Cold,
        typer.Option(
            "--cold",
            help="Test users whom training does not know: skip them, or score them as having got nothing.",
            rich_help_panel=_PANEL,
        ),
    ] = Cold.skip
    sampled: Annotated[
        int | None,
        typer.Option(
            "--sampled",
            metavar="N",
            min=1,
            help="Rank among N items drawn for each user, not among all; only for repeating published numbers.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    slices: Annotated[
        int | None,
        typer.Option(
            "--slices",
            metavar="N",
            min=0,
            help="Groups of users by activity and of items by popularity. Default none, or those of the pictures.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of `tastespace.evaluate`."""
        import tastespace as ts

        names = self.metric or None
        given = {} if self.slices is None else {"slices": self.slices}
        return {
            "k": self.k or 10,
            "metrics": "all" if names == ["all"] else names,
            "relevant": self.relevant,
            "exclude_seen": not self.include_seen,
            "cold": self.cold.value,
            "candidates": None if self.sampled is None else ts.Sampled(negatives=self.sampled),
        } | given
