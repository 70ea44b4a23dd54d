"""Reports as text, JSON and Markdown; no decisions here."""
