"""The report: one page of counts for whoever runs the buildings, made from the analysts' database."""
