-- One row per validation. Reads nothing.
-- See current_inputs.
insert into validations values ($revision, $inputs, $now::timestamptz at time zone 'UTC')
