-- Lets the next pull count as another answer, and analysts' tables be written anew. Reads nothing else.
-- Each answer may have named the person, and lost that here.
update reference_pulls set sha256 = ''
