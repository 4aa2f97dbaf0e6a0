"""A rehearsal file as it may be written, read strictly: every fault at its line and column, or the whole rehearsal.

Longer than most: the models are the contract of the file and stand together, the reading follows them.
"""



