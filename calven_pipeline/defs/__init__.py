"""Everything that Dagster sees, a file per subject. Every file here is imported when definitions load."""
