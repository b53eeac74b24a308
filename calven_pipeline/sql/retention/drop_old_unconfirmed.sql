-- Nobody looks for people on days before $before. Reads nothing else.
-- Their rows are gone.
delete from unconfirmed_presence where local_date < $before::date
