"""OpenTelemetry: the log's lines as log records and spans, for an OTLP collector that the operator names."""
