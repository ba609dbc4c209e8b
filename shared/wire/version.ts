/**
 * Version of the link protocol (everything but frozen control protocol 1). A change of any schema in this folder fails the hash test until the version
 * is raised and a line of history is added here.
 *
 * 1 (0.1.0) documents feed, module and system requests, debug lines, pause and preview asked by the edge, secret rotation.
 * 2 (0.2.0) telemetry: receiveBatch, drainBuffer, getSyncStatus; inventory: inventory.read, inventory.changed; all of 1 is unchanged, so 1 is still spoken
 *   and only pushes nothing and tells of no inventory.
 * 3 (0.3.0) a pause carries a length, not an instant by the edge's calendar; secrets.read, secrets.changed; sync.changed,
 *   losses in getSyncStatus; documents of kind alertRule and forwarder; control.prepare; all of 2 is still spoken: to a peer of it a pause is an instant,
 *   secrets stay where they were set, documents of kinds it does not know are left out, and it is not asked to prepare.
 * 4 (0.4.0) fleet.heartbeat; site.execute, site.system, site.status, access.read, access.changed, api.at (clients of an edge); documents of kind channel, which edges are not given; all of 3 is still spoken: a peer of it is sent none, and the link alone says when it was heard.
 */
export const LINK_PROTOCOL_VERSION = 4
/** Versions this program can speak, newest first. */
export const LINK_PROTOCOL_VERSIONS: readonly number[] = [4, 3, 2, 1]
export const CONTROL_PROTOCOL_VERSION = 1
