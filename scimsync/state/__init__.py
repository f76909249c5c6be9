"""What scimsync remembers: snapshots, links and the journal, in one database that the program
itself keeps up to date."""
