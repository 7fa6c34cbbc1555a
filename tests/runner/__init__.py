"""The runner behind tests/run.sh: runs suites one after the other and counts every single test case."""
