-- One row: a text that differs whenever reference data, mappings or a profile's rules differ. Reads reference_pulls, sources.
-- Open rejections need a second look only when it does.
with parts as (
    select resource || ':' || sha256 as part from reference_pulls
    union all
    select
        source || ':' || mappings_sha256 || ':' || corrects_email_case || has_people || has_places || coalesce(':' || rules, '')
    from sources
)
select coalesce(string_agg(part, chr(10) order by part), '') from parts
