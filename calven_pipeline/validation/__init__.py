"""Judging rows: every staged row gets exactly one verdict, by one pass of SQL over what is new or open."""
