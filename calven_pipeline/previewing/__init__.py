"""Looking at a file before it counts: how it would be read, what would become of its rows, and a profile to start from.

What may surprise: a preview is the real staging and validation, on the head of the file and in a folder that goes
afterwards. It writes nothing that stays and sends nothing.
"""
