"""The state of a deployment on one screen, and what is wrong now with what to do about it."""
