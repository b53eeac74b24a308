-- Rejections that an earlier version resolved had passed: nothing else could close them. Reads nothing else.
-- Does nothing once it is done.
update rejections set resolution = 'passed' where status = 'resolved' and resolution is null
