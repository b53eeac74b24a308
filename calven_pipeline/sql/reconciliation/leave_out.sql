-- Removes a range of days that Calven did not answer, so that what came for it earlier stays. Reads nothing else.
-- Both ends included.
delete from asked where first_day = $first_day and last_day = $last_day
