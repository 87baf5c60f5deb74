"""Reading a stopped system from a dump of its memory: what tools/inspect is made of."""
