-- One row per local day, person and day that they may stand under, for those that we believe accepted and Calven did not report,
-- while they are looked for again (Calven may need a while to show what it took), and for 30 days after the last look.
create table if not exists unconfirmed_presence (
    local_date date not null, user_key integer not null, day date not null, looks integer not null, looked_at timestamp not null
);
