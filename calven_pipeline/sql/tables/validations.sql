-- One row per validation: which reference data and mappings it saw.
-- Reads nothing.
create table if not exists validations (revision integer not null, inputs varchar not null, validated_at timestamp not null);
