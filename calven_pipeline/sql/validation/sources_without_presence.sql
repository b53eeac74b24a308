-- One row per source whose new rows hold no presence at all: rejected and ignored rows. Reads validated_presence,
-- staged_presence, judged_files. A profile that does not fit its files looks like this.
select f.source, count(*) filter (v.verdict = 'rejected'), count(*) filter (v.verdict = 'ignored')
from validated_presence v
    join staged_presence s on s.row_id = v.row_id
    join judged_files f on f.file_id = s.file_id
where v.revision = $revision and v.row_id > $last_row_judged and s.row_id > $last_row_judged and f.source is not null
group by f.source
having count(*) filter (v.verdict in ('valid', 'duplicate')) = 0
order by f.source
