"""A table of meters and doors (移交表, 顺序表) out of an `.xlsx` or `.csv` file: no database, no network."""

from activities.item_table.reading import ItemFault, TableRead, read_table

__all__ = ["ItemFault", "TableRead", "read_table"]
