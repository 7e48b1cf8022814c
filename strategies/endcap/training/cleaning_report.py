"""What cleaning read, kept and dropped, and why."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Drop:
    """Rows that did not make it. ``example`` is the first of them, as the table has it."""

    table: str
    reason: str
    count: int
    example: str = ""


@dataclass
class CleaningReport:
    """For every table, rows kept and rows dropped add up to rows read."""

    read: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)

    def drop(self, table: str, reason: str, count: int, example: str = "") -> None:
        """Count ``count`` rows under ``reason``; nothing is noted where the count is 0."""
        if count:
            self.drops.append(Drop(table, reason, count, example))

    def drops_of(self, table: str) -> list[Drop]:
        return [drop for drop in self.drops if drop.table == table]

    def dropped(self, table: str) -> int:
        return sum(drop.count for drop in self.drops_of(table))
