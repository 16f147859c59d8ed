"""Ready-made steps, with storey's and MLRun's names and arguments; graphs find them by name.

base.py          FlowStep: shared arguments, `.to()`, the step as data and as code
checks.py        checks of constructor arguments
maps.py          Map, Filter, FlatMap, Flatten, Extend, ForEach
map_class.py     MapClass: `do` as a method, with `self.filter()`
state.py         MapWithState
fields.py        Rename, DropColumns, ReifyMetadata, SetEventMetadata, Partition
choice.py        Choice: which of the following steps
batching.py      Batch, GroupByKey
sampling.py      SampleWindow
merging.py       Merge: branches, or events with one key, become one event
ending.py        Reduce, Complete
recovering.py    Recover
collecting.py    Collector: a stream as one body
assertion.py     Assert, for tests of flows
sending.py       SendingStep: takes events when it will, sends them on itself
concurrent.py    ConcurrentExecution: several events at a time, in their order
parallel_execution.py  ParallelExecution: several things for each event
runnables.py     what it runs; runnable_executor.py where, mechanisms.py the names of that
frames.py        ToDataFrame, ReduceToDataFrame; needs pandas

Windows and aggregates (aggregate_state.py and what it imports know nothing of steps):

windows.py             FixedWindows, SlidingWindows, spans such as "1h"
windows_emission.py    emit policies, as objects and as data
windows_time.py        the time of an event in milliseconds
windows_step.py        Window: emits the values in a window themselves
aggregate_values.py    the values of one bucket of time
aggregate_functions.py count, sum, min, stddev, ...
aggregate_user.py      UserAggregate, distinct_count
aggregate_layout.py    what the windows of a feature hold and give
aggregate_parts.py     what one window adds to the newest bucket, kept ready
aggregate_state.py     WindowState: all windows of one key and feature
aggregate_plain.py     states as plain data
aggregate_field.py     FieldAggregator, as object and as data
aggregate_keys.py      keys, numbers and tables, as steps are given them
aggregate_pacing.py    when held events are sent on
aggregate.py           AggregateByKey
query.py               QueryByKey

Tables, rows by key:

tables.py              open_table(url)
tables_table.py        Table: rows in this process
tables_entry.py        one row: what is known, what is not stored yet
tables_writer.py       how changes get to the driver
tables_schema.py       which features a table aggregates
drivers.py             the interface of drivers; NoopDriver
drivers_text.py        values as text
drivers_file.py        FileDriver: a file on this machine
drivers_redis.py       RedisDriver
drivers_sql.py         SQLDriver: rows of existing tables
join.py                JoinWithTable

Targets:

targets.py             batches by number and time
targets_columns.py     storey's notation for columns
targets_files.py       files at any URL, written whole
targets_lock.py        a lock on an open file
targets_csv.py         CSVTarget
targets_parquet.py     ParquetTarget; needs pandas
targets_table.py       NoSqlTarget
targets_stream.py      StreamTarget, KafkaTarget
targets_tsdb.py        TSDBTarget; needs pandas
"""
