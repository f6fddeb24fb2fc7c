"""What a node needs of the family: one Chromium page, and the gateway's pages in it."""
