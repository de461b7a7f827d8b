"""What analysts read: views with business names, a dictionary, freshness, and copies that groups of datasets show together (decision 17).

`definitions` and `freshness` write the SQL, `publication` carries out what differs, `snapshots` copies a group, `withdrawal` takes away what a
dataset leaves behind. Nothing of it is in a load's way: all of it follows from contracts and ledger, and can be done again.
"""
