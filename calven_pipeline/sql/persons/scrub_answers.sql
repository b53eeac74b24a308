-- Takes mentions of the person out of Calven's words on others' events. Reads rows_to_forget.
-- Twice, since two mentions may share what stands between them.
update answers
set result_message = regexp_replace(
    regexp_replace(result_message, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi'
)
where row_id not in (from rows_to_forget) and regexp_matches(result_message, $mention, 'i')
