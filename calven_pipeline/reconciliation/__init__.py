"""A second look: what Calven says of the days touched, compared with what we believe it accepted."""
