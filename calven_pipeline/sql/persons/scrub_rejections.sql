-- Takes mentions of the person out of the texts of others' rejections. Reads rows_to_forget.
-- Twice, since two mentions may share what stands between them.
update rejections
set
    raw = regexp_replace(regexp_replace(raw, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi'),
    detail = regexp_replace(regexp_replace(detail, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi'),
    suggestion = regexp_replace(regexp_replace(suggestion, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi'),
    note = regexp_replace(regexp_replace(note, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi')
where
    row_id not in (from rows_to_forget)
    and regexp_matches(concat_ws(chr(10), raw, detail, suggestion, note), $mention, 'i')
