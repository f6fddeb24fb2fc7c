"""`openclaw onboard`: an interview that ends in a gateway that runs and a node that is paired.

Each step looks what is there (`check`), asks what only a person knows (`ask`) and does the rest
(`do`), so that a second run does only what is missing.
"""
