"""The outbox: choosing what is due, batching it, sending it, and recording every answer."""
