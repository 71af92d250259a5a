"""The chapter on retention, survival and the monthly figures."""
