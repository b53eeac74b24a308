-- At most one row: what the last validation saw. Reads validations.
-- See current_inputs.
select inputs from validations order by revision desc limit 1
