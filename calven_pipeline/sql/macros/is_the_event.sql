-- Whether a row of this verdict is the one that its event stands in; all others with that event id are held against it.
-- What nobody listed is no event, and what differs from the event of its id is another row's.
create or replace temp macro is_the_event(verdict, reasons) as
    verdict = 'valid'
    or coalesce(reasons = ['collapsed'], false)
    or (verdict = 'rejected' and not list_has_any(reasons, ['unlisted_outcome', 'conflicting_event_id']))
