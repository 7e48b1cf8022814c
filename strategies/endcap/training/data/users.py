"""The users table: what is known about shoppers besides what they did."""

from __future__ import annotations

import polars as pl

from endcap.bundle.columns import Column
from endcap.training.cleaning_report import CleaningReport
from endcap.training.config import UsersConfig
from endcap.training.data.attributes import read_attributes
from endcap.training.data.sieve import ID, rows_by_id
from endcap.training.data.tables import Table

TABLE = "users"


class UserTable:
    """Read before it is known which shoppers there are, and lined up with them afterwards."""

    def __init__(self, config: UsersConfig, report: CleaningReport) -> None:
        """Raises DataError for a column that cannot be used, and where no row has an id."""
        self.table = Table.open(config.path)
        column = self.table.columns(config.columns.model_dump(), ["user_id"])["user_id"]
        self.names = self.table.others([column], config.ignore)
        frame = self.table.read({name: name for name in (column, *self.names)})
        self.rows = rows_by_id(self.table, TABLE, frame, column, "user_id", report)

    @property
    def ids(self) -> list[str]:
        ids: list[str] = self.rows[ID].to_list()
        return ids

    def attributes(self, user_ids: list[str]) -> dict[str, Column]:
        """One row a shopper of ``user_ids``; nothing is known about those that the table lacks."""
        lined_up = pl.DataFrame({ID: user_ids}).join(self.rows, on=ID, how="left", maintain_order="left")
        return read_attributes(self.table, lined_up.select(self.names), taken={"user_id"})
