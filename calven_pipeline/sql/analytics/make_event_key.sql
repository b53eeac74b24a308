-- The event id as analysts see it. Where they may read no names, one that was derived is a pseudonym: it is a plain hash of the person
-- among others, so whoever guesses an address could test the guess. Reads the variable names_people.
create or replace temp macro event_key_of(event_id, event_key, has_own_event_id) as case
    when getvariable('names_people') or has_own_event_id then as_key(coalesce(event_id, event_key::varchar))
    else pseudonym(event_key::varchar)
end
