-- The outcome of a row, of its verdict, Calven's newest answer (null: none) and whether it waits in the outbox. Null where
-- the books are broken: a valid event that neither waits nor was answered. What Calven accepted once stays accepted while it is sent again.
create or replace temp macro outcome_of(verdict, is_accepted, waits) as
    case
        when verdict <> 'valid' then verdict
        when is_accepted then 'accepted'
        when waits then 'pending'
        when not is_accepted then 'rejected'
    end
