"""Who is told what went wrong, and that it is over: incidents, their wording, and the webhook that takes it.

What may surprise: nothing here looks at Dagster. What ended comes in as plain facts, what is to be told comes out.
"""
