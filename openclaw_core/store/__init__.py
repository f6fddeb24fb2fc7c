"""Durable state: tables (`models`), the contract (`base`), SQL (`sql`), `migrations` (DESIGN "State")."""
