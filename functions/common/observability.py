"""Structured logs and metrics, configured by the POWERTOOLS_* variables of the template."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()
