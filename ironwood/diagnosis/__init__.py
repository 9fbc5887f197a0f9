"""What is wrong with a profile, judged from what was seen of it: facts in, findings out. Each module judges one part; none asks anybody anything."""
