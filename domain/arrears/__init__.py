"""欠费催缴: the arrears process as rules over facts, without an engine."""
