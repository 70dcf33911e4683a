"""What one instance knows of who is where and who types: pure, told the time by its caller."""
