"""What the UI shows of an asset beside its own words: owners, source code, columns, and what each column is made of.

What may surprise: all of it is fixed when definitions load, so that it costs a run nothing. What is said of columns is
said in `warehouse/` once, for the comments of the database, the documentation and the UI.
"""

import logging
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import FrameType

import dagster as dg

from calven_pipeline.defs.failures import Metadata
from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import OWNER, CatalogSettings
from calven_pipeline.warehouse.dictionary import TABLES, Table
from calven_pipeline.warehouse.lineage import LINEAGE, Columns
from calven_pipeline.warehouse.working_tables import EXPORTS, WORKING_TABLES

SQL = Path(__file__).resolve().parent.parent / "sql"
COLUMNS_OF = {"published_presence": "presence"}  # the table of analysts that the asset makes, where its name is another
ANALYSTS = {table.name: table for table in TABLES}
OTHERS = {table.name: table for table in (EXPORTS, *WORKING_TABLES)}

_log = logging.getLogger("dagster")


@cache
def owners() -> list[str] | None:
    """CALVEN_ASSET_OWNERS, None where nobody is named; what cannot work is told once, and left out.

    It only labels the UI, so it must keep nobody from loading the definitions.
    """
    try:
        named = CatalogSettings.load().asset_owners
    except SettingsError as error:
        _log.warning("%s. The assets are shown without owners.", error)
        return None
    refused = [number for number, owner in enumerate(named, start=1) if not OWNER.fullmatch(owner)]
    if refused:
        _log.warning(
            "CALVEN_ASSET_OWNERS: must be e-mail addresses and teams with commas between them, such as desk@example.com, "
            "team:workplace; an address ends with two to seven letters, Dagster takes no other. Left out: number %s of %d.",
            ", ".join(map(str, refused)),
            len(named),
        )
    return [owner for owner in named if OWNER.fullmatch(owner)] or None


def about(asset: str, *statements: str) -> Metadata:
    """Columns, lineage and source code of an asset, to be called where the asset is defined; `statements` are SQL by name."""
    metadata: Metadata = {"dagster/code_references": _references(sys._getframe(1), statements)}
    name = COLUMNS_OF.get(asset, asset)
    if name in ANALYSTS:
        metadata["dagster/table_name"] = f"calven.main.{name}"  # as `duckdb data/calven.duckdb` names it
    table = ANALYSTS.get(name) or OTHERS.get(name)
    lineage = LINEAGE.get(asset, {})
    if table:
        metadata["dagster/column_schema"] = _schema(table, lineage)
    if lineage:
        metadata["dagster/column_lineage"] = _lineage(lineage)
    return metadata


def _references(caller: FrameType, statements: Sequence[str]) -> dg.CodeReferencesMetadataValue:
    """The place where the asset is defined, and its SQL files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # Dagster 1.13.27; a test looks at what becomes of it
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(
                    file_path=str(Path(caller.f_code.co_filename).absolute()), line_number=caller.f_lineno
                ),
                *(
                    dg.LocalFileCodeReference(file_path=str(SQL / f"{name}.sql"), line_number=1, label=f"{name}.sql")
                    for name in statements
                ),
            ]
        )


def _schema(table: Table, lineage: Columns) -> dg.TableSchema:
    """The columns; in words too what each is made of, since Dagster's own UI (1.13.27) draws no lineage of columns."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name, column.type, description=column.comment + _made_of(lineage.get(column.name, ()))
            )
            for column in table.columns
        ]
    )


def _made_of(sources: Sequence[str]) -> str:
    return f" From {', '.join(f'`{source}`' for source in sources)}." if sources else ""


def _lineage(columns: Columns) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {column: [_column(source) for source in sources] for column, sources in columns.items()}
    )


def _column(source: str) -> dg.TableColumnDep:
    asset, _, column = source.partition(".")
    return dg.TableColumnDep(dg.AssetKey(asset), column)
