"""What it costs: price books and estimates."""
