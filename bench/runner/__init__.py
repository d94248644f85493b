"""The benchmark runner behind script/bench. See bench/README.md."""
