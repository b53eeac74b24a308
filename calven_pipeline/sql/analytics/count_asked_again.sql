-- One row: how many spans of days Calven was asked for again. Reads asked_again.
-- Without any, calven_presence stays as it is.
select count(*) from asked_again
