"""Prints what the public HdrHistogram package reads in a log: a line for each interval."""

import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LARGEST_NS = 3_600_000_000_000

reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, LARGEST_NS, 3))
while (histogram := reader.get_next_interval_histogram()) is not None:
    print(
        histogram.get_tag(),
        int(histogram.get_start_time_stamp()),
        int(histogram.get_end_time_stamp()),
        histogram.get_total_count(),
        histogram.get_max_value(),
        *(histogram.get_value_at_percentile(percentile) for percentile in (50, 99, 99.9)),
    )
