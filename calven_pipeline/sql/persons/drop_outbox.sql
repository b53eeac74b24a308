-- Takes rows to forget out of the outbox, so that nothing of them is sent any more. Reads rows_to_forget.
-- In the transaction that settles their verdicts.
delete from outbox where row_id in (from rows_to_forget)
