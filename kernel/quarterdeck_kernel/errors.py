"""Every error the kernel raises on purpose, in one tree.

A message says what was refused, with the value, and what to do next; it is written to be shown
to a person as it stands. Driver errors are translated into these at the adapters' edge.
"""


class QuarterdeckError(Exception):
    """The root of all errors of the kernel."""


class InvalidError(QuarterdeckError):
    """A value handed to the kernel is not acceptable; nothing was changed."""


class NotCanonicalError(InvalidError):
    """A value has no canonical JSON form."""


class LimitExceededError(InvalidError):
    """A value is larger than a bound of `vocabulary.limits`."""


class SettingsError(InvalidError):
    """Settings files are wrong: a line for each problem, with file, line and key."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        """Keep the problems one by one."""
        super().__init__(message)
        self.problems = problems


class HookFailedError(InvalidError):
    """A hook that rewrites what is asked has failed; nothing was asked."""


class UnguardedError(InvalidError):
    """Enforced mode lacks guards that it promises."""


class NotFoundError(QuarterdeckError):
    """Something named does not exist."""


class RunNotFoundError(NotFoundError):
    """No run of that id is in this workspace."""


class NotOwnedError(NotFoundError):
    """The run belongs to another tenant, who alone may see or drive it."""


class BlobNotFoundError(NotFoundError):
    """A blob is missing, or was erased."""


class ConflictError(QuarterdeckError):
    """Somebody else was first; what was asked was not done."""


class RunExistsError(ConflictError):
    """The run id is taken."""

    def __init__(self, message: str, *, run_id: str) -> None:
        """Name the run that holds the id."""
        super().__init__(message)
        self.run_id = run_id


class IdempotencyKeyUsedError(ConflictError):
    """The tenant has used this idempotency key before."""

    def __init__(self, message: str, *, run_id: str) -> None:
        """Name the run that the key made before."""
        super().__init__(message)
        self.run_id = run_id


class HeadMovedError(ConflictError):
    """The run has events that the writer did not know of: fold them and decide again."""


class LeaseLostError(ConflictError):
    """The run is driven by another holder: stop driving it."""


class LeaseHeldError(ConflictError):
    """The run cannot be claimed while another live holder drives it."""


class AlreadySettledError(ConflictError):
    """What a decision answers is no longer open."""

    def __init__(self, message: str, *, item_id: str) -> None:
        """Name the item that no longer stands."""
        super().__init__(message)
        self.item_id = item_id


class AccountRefusedError(ConflictError):
    """An account has no room for a reservation."""

    def __init__(self, message: str, *, account: str) -> None:
        """Name the account."""
        super().__init__(message)
        self.account = account


class AccountChangedError(ConflictError):
    """An account row was changed since it was read: read it again."""


class RunNeededError(ConflictError):
    """The run cannot be taken away: another one still needs it."""


class IllegalMoveError(QuarterdeckError):
    """The event does not fit the state of the run."""


class RunReadOnlyError(QuarterdeckError):
    """The run holds events this version cannot read; it can be looked at, not changed."""


class IntegrityError(QuarterdeckError):
    """Stored data contradicts its own hashes."""


class RecordingError(IntegrityError):
    """The file is no recording, or not the one that was made."""


class StoreError(QuarterdeckError):
    """The store cannot do what was asked, for a reason outside the kernel."""


class StoreClosedError(StoreError):
    """The store was closed."""


class StoreMissingError(StoreError):
    """The folder or file of the store does not exist."""


class StoreUnwritableError(StoreError):
    """The folder or file of the store cannot be written."""


class StoreFullError(StoreError):
    """There is no room left on the disk, or in the file."""


class StoreDiskError(StoreError):
    """The disk refused to read or write."""


class StoreBusyError(StoreError):
    """Another process keeps the store locked."""


class StoreCorruptError(StoreError):
    """The file is damaged."""


class StoreForeignError(StoreError):
    """The file is not a Quarterdeck store."""


class StoreTooNewError(StoreError):
    """The file was written by a newer version of Quarterdeck."""


class StoreUnsupportedError(StoreError):
    """This machine lacks what the store needs: a local file system, a recent SQLite."""


class StoreRewoundError(StoreError):
    """The store is older than what its sidecar file remembers of it."""


class ModelError(QuarterdeckError):
    """A model gave no usable answer."""

    def __init__(
        self, message: str, *, status: int | None = None, retry_after_us: int | None = None
    ) -> None:
        """Keep what the provider said: its status, and when to come back."""
        super().__init__(message)
        self.status = status
        self.retry_after_us = retry_after_us


class ModelTransientError(ModelError):
    """The provider failed in a way that may pass: refused, overloaded, broken off."""


class ModelTimeoutError(ModelError):
    """No answer came in time."""


class ModelPermanentError(ModelError):
    """The provider refuses the request, and will again."""


class ContextOverflowError(ModelPermanentError):
    """The request is larger than the model's window: compact the conversation."""


class ToolError(QuarterdeckError):
    """How a tool's call ended; tools raise the first two below, the kernel the others."""


class TransientToolError(ToolError):
    """Raised by a tool: nothing has happened, and trying again may help."""


class PermanentToolError(ToolError):
    """Raised by a tool: the call failed for good, and nothing is in doubt."""


class ToolAbortedError(ToolError):
    """A call was broken off from within: by SystemExit, KeyboardInterrupt or a cancellation."""


class ToolNotStartedError(ToolError):
    """No thread is free for the call; nothing has happened, and it may be tried again."""


class UnknownToolError(NotFoundError):
    """No tool of that name is registered."""


class ToolArgumentsError(InvalidError):
    """The arguments do not fit the tool; nothing was called."""


class AccessDeniedError(InvalidError):
    """The tool is registered, but hidden from this run."""


class ConsistencyError(QuarterdeckError):
    """The code asks for something else than what the log holds.

    `recorded` is what stands there, `offered` what the code asks for; None means nothing at all.
    """

    def __init__(
        self,
        message: str,
        *,
        seq: int | None = None,
        recorded: str | None = None,
        offered: str | None = None,
    ) -> None:
        """Keep both sides, and the event where they part."""
        super().__init__(message)
        self.seq = seq
        self.recorded = recorded
        self.offered = offered


class DriftError(ConsistencyError):
    """The code asks for something else than what a step has on record: it was changed.

    `step_key` is that of the step on record; `digest` stands for what is asked for, whole.
    """

    def __init__(
        self, message: str, *, seq: int, recorded: str, offered: str, step_key: str, digest: str
    ) -> None:
        """Keep what a fork before that step is known by."""
        super().__init__(message, seq=seq, recorded=recorded, offered=offered)
        self.seq: int = seq
        self.step_key = step_key
        self.digest = digest


class StepError(QuarterdeckError):
    """A step came to its end without a result; asked again it says the same."""

    def __init__(self, message: str, *, seq: int | None = None) -> None:
        """Name the event that says so."""
        super().__init__(message)
        self.seq = seq


class ToolFailedError(StepError):
    """The tool failed, and is known to have."""


class DeniedError(StepError):
    """A person or a guard did not allow the call; nothing was called."""


class MissingCapabilityError(DeniedError):
    """The tenant lacks the capability that the tool needs."""


class InvalidAnswerError(StepError):
    """The model's answer does not fit the schema, however often it was asked to mend it."""


class WorkflowStepFailedError(StepError):
    """A named step of a workflow raised an error."""


class RunStoppedError(QuarterdeckError):
    """The run cannot go on now, and nothing was done: somebody or something has to come first."""


class RunPausedError(RunStoppedError):
    """The run waits for a person."""

    def __init__(self, message: str, *, pause_id: str, token: str | None = None) -> None:
        """Name the pause; `token` is told once, to whoever opened it."""
        super().__init__(message)
        self.pause_id = pause_id
        self.token = token


class ReconciliationRequiredError(RunStoppedError):
    """An effect may or may not have happened: it requires reconciliation before the run goes on."""

    def __init__(self, message: str, *, intent_seq: int) -> None:
        """Name the intent whose outcome is unknown."""
        super().__init__(message)
        self.intent_seq = intent_seq


class RunHeldError(RunStoppedError):
    """The run is held: release it first."""


class RunCancelledError(RunStoppedError):
    """The run is cancelled, or to be cancelled."""


class RunOverError(RunStoppedError):
    """The run is over: go on in a fork."""


class StepInterruptedError(RunStoppedError):
    """The step was told to stop before it had a result; it can be asked again."""
