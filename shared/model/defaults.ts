/** The product's default numbers (spec 00-product). Every name carries its unit; settings may override what the settings schema lists. */
export const LINK_RETRY_MS = 3_000
/** Share of `LINK_RETRY_MS` added at random, so that edges do not dial in step. */
export const LINK_RETRY_JITTER = 0.1
export const LINK_ATTEMPT_MS = 3_000
/** An attempt at a master that answers `loading` may take this long from the connect. */
export const LINK_ATTEMPT_LOADING_MS = 8_000
export const PING_EVERY_MS = 1_000
/** Nothing heard for this long: the link is lost. Also the lease of a driving master and the least wait of a standing-by edge. */
export const LINK_SILENCE_MS = 3_000
export const AUTHENTICATION_DEADLINE_MS = 5_000
export const MASTER_BOOT_WAIT_MS = 6_000
export const TAKE_OVER_TIMEOUT_MS = 20_000
export const HAND_OVER_STEP_MS = 10_000
export const STABLE_FOR_MS = 10_000
export const REQUEST_TIMEOUT_MS = 30_000
/** Hand-over: the receiver refuses a grant it could not persist within this time ... */
export const GRANT_ANSWER_MS = 3_000
/** ... the giver cancels after this time without an answer ... */
export const GRANT_CANCEL_AFTER_MS = 4_000
/** ... and closes the link after this much more. */
export const GRANT_CLOSE_AFTER_MS = 2_000
export const PERMIT_RENEW_MS = 1_000
export const PERMIT_VALID_MS = 3_000
export const GATE_CLOSE_MS = 100
export const MODULE_STOP_MS = 3_000
export const HOST_ORPHAN_MS = 1_000
export const MODULE_START_BATCH = 200
export const MODULE_START_PAUSE_MS = 50
export const MODULES_PER_HOST = 50
/** A timer that fires this late, or a gap between ticks over `TICK_GAP_MS`, proves that nobody was watching. */
export const TIMER_LATE_MS = 1_000
export const TICK_GAP_MS = 3_000
/** An edge that won control but connects no device in this time keeps control and raises an alert. */
export const NO_DEVICE_ALERT_MS = 60_000
export const JOIN_CODE_VALID_MS = 3_600_000
export const FAILURES_MAX = 10
export const FAILURES_WINDOW_MS = 300_000
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024
/** Before the proof nothing longer than this is read. */
export const UNPROVEN_BYTES_MAX = 16 * 1024
export const PIECE_BYTES_MAX = 64 * 1024
export const UNSENT_BYTES_MAX = 128 * 1024
export const JOURNAL_SNAPSHOT_EVERY = 500
export const JOURNAL_TRAILING = 500
export const JOURNAL_SNAPSHOTS_KEPT = 5
export const DECISIONS_KEPT = 10_000
export const CONSOLE_PORT = 7420
export const LINK_PORT = 7421
export const API_PORT = 7422
export const OTLP_PORT = 4318
