"""The DuckDB files: the pipeline's own working database, and the snapshot that analysts open.

People and pipeline never open the same file, so a forgotten reader cannot block a run.
"""
