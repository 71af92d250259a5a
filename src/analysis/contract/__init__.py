"""What is agreed: input columns, artifacts, parameters, stages and checks."""
