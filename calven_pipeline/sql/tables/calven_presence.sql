-- One row per row of Presence Details, as it came. `first_day` to `last_day`: the row's own day where it names one among the days
-- asked for, else all of these; so what is asked for again replaces exactly what came for it before.
create table if not exists calven_presence (
    reported_on date, user_id varchar, user_email varchar, details json, first_day date not null, last_day date not null,
    pulled_at timestamp not null
);
