"""The state of scimsync: snapshots, links and the journal, in one database.

scimsync upgrades its tables itself.
"""
