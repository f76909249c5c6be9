"""The values of the domain: what every stage passes to the next one.

The package imports the standard library only. It contains no I/O and no configuration.
"""
