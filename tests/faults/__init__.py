"""The proof: random faults from one seed under load, with an oracle that counts every record. docs/faults.md."""
