-- One row per resource: its last pull that was taken. Reads nothing.
-- In the transaction that swaps the table.
insert into reference_pulls
values ($resource, $pulled_at::timestamptz at time zone 'UTC', $row_count, $size_bytes, $sha256)
