"""Side-by-side load measurements; `python -m bench.run` is the door."""
