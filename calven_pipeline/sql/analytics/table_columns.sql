-- One row per table of the analysts' file: its columns in order. Reads the catalog.
-- A table that is missing is made; a file with other columns than ours is made anew.
select table_name, list(column_name order by column_index)
from duckdb_columns()
where database_name = 'analytics' and schema_name = 'main'
group by table_name
