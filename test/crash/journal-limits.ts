/** Snapshots often; nothing is trimmed, so that a test can replay from the first entry. */
export const crashLimits = { snapshotEvery: 20, trailing: 10_000_000, snapshotsKept: 3 }
