-- One row per table of the analysts' file. Reads the catalog.
-- A table that is missing is made.
select table_name from duckdb_tables() where database_name = 'analytics' and schema_name = 'main'
