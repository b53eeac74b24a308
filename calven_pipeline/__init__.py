"""Carries presence exports to Calven and accounts for every row."""
