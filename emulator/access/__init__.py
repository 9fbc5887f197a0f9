"""Who calls, what each call needs, who is granted what."""
