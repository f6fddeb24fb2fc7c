"""What a gateway needs of the family: documents, pages, RPC methods."""
