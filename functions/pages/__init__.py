"""Pages: what a user sees on the way through a sign-in. Templates, words and one renderer; no script."""
