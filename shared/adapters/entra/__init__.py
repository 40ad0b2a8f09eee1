"""Microsoft Entra ID: how applications sign in, and what its refusals mean."""
