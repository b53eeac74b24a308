-- One row per view of the analysts' file. Reads the catalog.
-- All are made anew where one is another now.
select view_name from duckdb_views() where database_name = 'analytics' and schema_name = 'main' and not internal
