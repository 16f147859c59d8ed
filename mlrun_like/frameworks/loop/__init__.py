"""What training loops of networks share, whatever library runs them.

logger.py        results of batches and epochs: series, results, charts
tensorboard.py   the same for TensorBoard, if a writer of its files is installed
checkpoints.py   states of a training, to go on from after a failure
lazy.py          classes of other libraries' callbacks, made on first use
"""
