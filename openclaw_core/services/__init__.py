"""The verbs: pairing, tokens, surfaces, invoke, events, presence, audit."""
