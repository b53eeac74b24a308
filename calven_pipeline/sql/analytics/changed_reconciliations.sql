-- One row: how many times Calven was asked since the last snapshot. Reads reconciliations.
-- Without any, calven_presence stays as it is.
select count(*) from reconciliations where revision > $synced
