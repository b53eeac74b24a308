"""What a person should look at, and what the next step must not be done with: rules over the working database.

What may surprise: nothing here knows Dagster, and none of it looks at runs. What is usual comes from our own tables of the last
weeks, so a check costs next to nothing where nothing is new.
"""
