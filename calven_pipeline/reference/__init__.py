"""Reference data: Calven's users, locations and desks, pulled whole and swapped in one transaction."""
