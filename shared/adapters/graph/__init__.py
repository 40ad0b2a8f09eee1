"""Microsoft Graph: reads messages and mailboxes, and has itself told about changes."""
