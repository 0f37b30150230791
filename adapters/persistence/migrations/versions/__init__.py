"""The migrations, in the order their ``down_revision`` says. A released one is never edited."""
