"""Runs as Spark applications: `spark-submit` from here, or a SparkApplication in a cluster.

runtime    SparkRuntime: chooses where, starts, stops
  conf       what the function asks for as Spark properties; memory in the JVM's notation
  submit     the command line of spark-submit, its properties file, the code for the executors
  driver     the file that spark-submit runs
    driving    the run inside the driver
    session    the session that the handler gets
    watching   ends waits that Spark would never end
  master     what a standalone master says of its workers
  manifest   the SparkApplication (sparkoperator.k8s.io/v1beta2) and what it mounts
    pods       its driver and executors
    shipping   what they read
  application  submitting it, taking its records
    following    watching it
  checks     preflight
  explain    why a driver ended, from what it printed
"""
