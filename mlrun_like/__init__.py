"""mlrun_like."""
