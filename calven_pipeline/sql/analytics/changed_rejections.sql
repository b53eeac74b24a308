-- One row: how many rejections are new or changed. Reads rejections.
-- Without any, the table stays as it is.
select count(*) from rejections where revision > $synced
