"""Pure rules of identity, credentials, scopes and policy: no socket, no clock, no database."""
