"""The datafile: schema, statements and the one object that owns a connection."""
