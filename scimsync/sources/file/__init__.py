"""Files as a source: CSV, TSV, JSON, NDJSON and Parquet, one or many, or a query over them."""

from scimsync.sources.file.sample import Sample, sample
from scimsync.sources.file.settings import FileSettings

__all__ = ["FileSettings", "Sample", "sample"]
