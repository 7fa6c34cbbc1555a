"""What the integration tests are made of: servers, producers, the program under test, and oracles."""
