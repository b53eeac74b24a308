"""What is removed: rows of long ago, one person's rows, and the bytes they leave in files."""
