# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws what picture.py has counted, as SVG. Needs Debian's python3-matplotlib.

The same figures give the same file. Text becomes paths, so that it looks the same everywhere; the background is its own, so
that it can be read on white and on black.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from picture import Picture, PictureRun
from waiting import Failure

_TITLES = {"own": "syslog-ng's own failover()", "module": "this module's failover()"}
#: Of each server (area, text on it): told apart by whoever sees few colours, and in grey.
_COLOURS = [("#0072b2", "white"), ("#e69f00", "black"), ("#a6d8f2", "black")]
_RED, _PAPER, _INK = "#c1121f", "#ffffff", "#1f2328"
_SIZE_INCHES = (10, 6.6)
_SMALL_PT, _TEXT_PT, _TITLE_PT = 13, 15, 17
_PLACE = {"left": 0.125, "right": 0.985, "bottom": 0.115, "top": 0.835, "hspace": 0.33}
_TOP_RATES = 3.0  # the vertical axis ends at so many times the rate
_NAMED_S = 7.0  # a stretch of so many seconds has room for the server's name
_LONG_S = 8.0  # a pause of so many seconds has room for a word about it
_APART_S = 4.0  # what is so far from each other is told apart
_STYLE = {"svg.hashsalt": "failover", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": _TEXT_PT,
          "text.color": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.labelcolor": _INK, "hatch.linewidth": 1.5}


def _stretches(counts: Sequence[int], most_apart: int) -> Iterator[tuple[int, int]]:
    """First and last slot of each group of slots that are not empty, with less than so many empty ones in between."""
    filled = [slot for slot, count in enumerate(counts) if count]
    starts = [slot for before, slot in zip([-most_apart - 1, *filled], filled) if slot - before > most_apart]
    for start, following in zip(starts, [*starts[1:], len(counts) + most_apart + 1]):
        yield start, max(slot for slot in filled if start <= slot < following)


class _Panel:
    """One side's."""

    def __init__(self, axes: Any, picture: Picture, run: PictureRun) -> None:
        self._axes = axes
        self._picture = picture
        self._run = run
        self._slot_s = picture.slot_s
        self._top = picture.rate * _TOP_RATES

    def draw(self) -> None:
        self._areas()
        self._names()
        self._lost()
        self._pauses()
        self._beyond()
        for at_s, label in zip(self._run.events_s, self._picture.labels):
            if label:
                self._axes.axvline(at_s, color=_INK, linewidth=1.5, linestyle=(0, (4, 2)))
        self._frame()

    def title(self, pad_pt: float) -> None:
        """So far above it."""
        lost, doubled = self._run.lost, self._run.doubled
        style = {"weight": "bold", "fontsize": _TITLE_PT}
        begin = self._axes.set_title(f"{_TITLES[self._run.side]}: ", loc="left", pad=pad_pt, **style)
        count = self._axes.annotate(f"{lost:,} messages lost", (1, 0), xycoords=begin, va="bottom", color=_RED if lost else _INK,
                                    **style)
        if doubled:
            self._axes.annotate(f", {doubled:,} stored twice", (1, 0), xycoords=count, va="bottom", **style)

    def label_events(self) -> None:
        """Above it."""
        for at_s, label in zip(self._run.events_s, self._picture.labels):
            self._axes.text(at_s, self._top * 1.03, label, ha="center", va="bottom", linespacing=1.1)

    def _seconds(self, slots: Iterable[int]) -> list[float]:
        return [slot * self._slot_s for slot in slots]

    def _per_second(self, counts: Sequence[int]) -> list[float]:
        return [count / self._slot_s for count in counts]

    def _areas(self) -> None:
        """One on the other: by server, and what was lost."""
        below = [0] * len(self._run.lost_sent)
        for counts, (colour, _) in zip(self._run.stored.values(), _COLOURS):
            below = self._layer(below, counts, color=colour, linewidth=0)
        self._layer(below, self._run.lost_sent, facecolor="#ffd9d9", edgecolor=_RED, hatch="///", linewidth=1.5)

    def _layer(self, below: list[int], counts: list[int], **style: Any) -> list[int]:
        """Put it on what is below, where there is something; return the sum."""
        sums = [lower + count for lower, count in zip(below, counts)]
        for first, last in _stretches(counts, 1):
            slots = slice(first, last + 1)
            self._axes.stairs(self._per_second(sums[slots]), self._seconds(range(first, last + 2)),
                              baseline=self._per_second(below[slots]), fill=True, **style)
        return sums

    def _names(self) -> None:
        """In the longest part of each stretch that no line goes through."""
        lines = [at_s for at_s, label in zip(self._run.events_s, self._picture.labels) if label]
        for (name, counts), (_, colour) in zip(self._run.stored.items(), _COLOURS):
            for first, last in _stretches(counts, 2):
                start, end = self._seconds((first, last + 1))
                edges = [start, *(at_s for at_s in lines if start < at_s < end), end]
                length_s, middle = max((later - earlier, (earlier + later) / 2) for earlier, later in zip(edges, edges[1:]))
                if length_s >= _NAMED_S:
                    self._axes.text(middle, self._picture.rate / 2, name, color=colour, ha="center", va="center", weight="bold")

    def _pauses(self) -> None:
        """The long ones."""
        empty = [int(not any(counts)) for counts in zip(*self._run.stored.values())]
        for first, last in _stretches(empty, 1):
            start, end = self._seconds((first, last + 1))
            if end - start >= _LONG_S:
                height = 2.2 * self._picture.rate
                self._axes.annotate("", (start, height), (end, height), arrowprops={"arrowstyle": "<->", "color": _INK})
                self._axes.text((start + end) / 2, height * 1.02, f"nothing for {end - start:.0f} s", ha="center", va="bottom",
                                fontsize=_SMALL_PT)

    def _lost(self) -> None:
        for first, last in _stretches(self._run.lost_sent, round(_APART_S / self._slot_s)):
            count = sum(self._run.lost_sent[first : last + 1])
            self._axes.text((first + last + 1) / 2 * self._slot_s, self._picture.rate * 1.15, f"{count:,}\nlost", color=_RED,
                            ha="center", va="bottom", weight="bold", linespacing=1.0,
                            bbox={"facecolor": _PAPER, "edgecolor": "none", "pad": 1})

    def _beyond(self) -> None:
        """How high it is where it is higher than the panel."""
        totals = [sum(counts) for counts in zip(*self._run.stored.values())]
        high = [total if total / self._slot_s > self._top else 0 for total in totals]
        for first, last in _stretches(high, round(_APART_S / self._slot_s)):
            highest = max(self._per_second(high[first : last + 1]))
            self._axes.text((last + 1.5) * self._slot_s, self._top * 0.98, f"▲ {highest:,.0f}", ha="left", va="top",
                            fontsize=_SMALL_PT)

    def _frame(self) -> None:
        axes, run = self._axes, self._run
        end_s = len(run.lost_sent) * self._slot_s
        axes.set(xlim=(0, end_s), ylim=(0, self._top), yticks=[0, self._picture.rate, 2 * self._picture.rate])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#d0d7de", linewidth=0.8)
        axes.set_axisbelow(True)


def load_matplotlib() -> Any:
    """Or fail; nothing else of the benchmark needs it."""
    try:
        import matplotlib
        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        raise Failure("matplotlib is not installed; it is in the Debian package python3-matplotlib.") from None
    return pyplot


def draw(picture: Picture, path: Path) -> None:
    """Write the SVG."""
    pyplot = load_matplotlib()
    with pyplot.rc_context(_STYLE):
        figure, panels = pyplot.subplots(len(picture.runs), sharex=True, figsize=_SIZE_INCHES, facecolor=_PAPER)
        for axes, run in zip(panels, picture.runs):
            panel = _Panel(axes, picture, run)
            panel.draw()
            panel.title(52 if run is picture.runs[0] else 10)
            if run is picture.runs[0]:
                panel.label_events()
        panels[-1].set_xlabel("seconds")
        figure.supylabel("messages stored a second", fontsize=_TEXT_PT, x=0.015)
        figure.subplots_adjust(**_PLACE)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
