"""报装: the connection process as rules over facts, without an engine."""
