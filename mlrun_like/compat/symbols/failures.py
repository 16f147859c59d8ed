"""Rows of `mlrun.errors`: classes of our tree, so that old `except` clauses catch ours."""

from __future__ import annotations

from mlrun_like.compat.table import Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.errors:"
_OLD = "mlrun_like.compat.adapted.failures."

ROWS: Rows = {
    "mlrun.errors": {
        "EXPECTED_ERRORS": f"{_OLD}statuses:EXPECTED_ERRORS",
        "MLRunAccessDeniedError": f"{_OURS}AccessDeniedError",
        "MLRunBadRequestError": f"{_OURS}InvalidArgumentError",
        "MLRunBaseError": f"{_OURS}MLRunLikeError",
        "MLRunConflictError": f"{_OURS}ConflictError",
        "MLRunEmptySampleDFError": f"{_OLD}classes:MLRunEmptySampleDFError",
        "MLRunFatalFailureError": f"{_OLD}classes:MLRunFatalFailureError",
        "MLRunHTTPError": f"{_OURS}MLRunLikeError",
        "MLRunHTTPStatusError": f"{_OURS}MLRunLikeError",
        "MLRunIncompatibleVersionError": f"{_OURS}IncompatibleVersionError",
        "MLRunInternalServerError": f"{_OLD}classes:MLRunInternalServerError",
        "MLRunInvalidArgumentError": f"{_OURS}InvalidArgumentError",
        "MLRunInvalidArgumentTypeError": f"{_OURS}InvalidTypeError",
        "MLRunInvalidMMStoreTypeError": f"{_OLD}classes:MLRunInvalidMMStoreTypeError",
        "MLRunMethodNotAllowedError": f"{_OLD}classes:MLRunMethodNotAllowedError",
        "MLRunMissingDependencyError": f"{_OURS}MissingDependencyError",
        "MLRunMissingProjectError": f"{_OLD}classes:MLRunMissingProjectError",
        "MLRunModelLimitExceededError": f"{_OLD}classes:MLRunModelLimitExceededError",
        "MLRunNotFoundError": f"{_OURS}NotFoundError",
        "MLRunNotImplementedServerError": f"{_OLD}classes:MLRunNotImplementedServerError",
        "MLRunPaginationEndOfResultsError": f"{_OLD}classes:MLRunPaginationEndOfResultsError",
        "MLRunPreconditionFailedError": f"{_OURS}PreconditionError",
        "MLRunRetryExhaustedError": f"{_OLD}classes:MLRunRetryExhaustedError",
        "MLRunRuntimeError": f"{_OURS}ExecutionError",
        "MLRunServiceUnavailableError": f"{_OURS}StoreUnavailableError",
        "MLRunStreamConnectionFailureError": f"{_OLD}classes:MLRunStreamConnectionFailureError",
        "MLRunTSDBConnectionFailureError": f"{_OLD}classes:MLRunTSDBConnectionFailureError",
        "MLRunTaskCancelledError": f"{_OURS}TaskCancelledError",
        "MLRunTaskNotReady": f"{_OLD}classes:MLRunTaskNotReadyError",
        "MLRunTaskNotReadyError": f"{_OLD}classes:MLRunTaskNotReadyError",
        "MLRunTimeoutError": f"{_OURS}TimeLimitError",
        "MLRunUnauthorizedError": f"{_OURS}UnauthorizedError",
        "MLRunUnprocessableEntityError": f"{_OLD}classes:MLRunUnprocessableEntityError",
        "MLRunValueError": f"{_OURS}InvalidArgumentError",
        "ModelRunnerError": f"{_OLD}classes:ModelRunnerError",
        "STATUS_ERRORS": f"{_OLD}statuses:STATUS_ERRORS",
        "err_for_status_code": f"{_OLD}statuses:err_for_status_code",
        "err_to_str": f"{_OLD}statuses:err_to_str",
        "raise_for_status": f"{_OLD}statuses:raise_for_status",
    },
}
