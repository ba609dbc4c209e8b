/**
 * Version of the link protocol (everything but frozen control protocol 1). A change of any schema in this folder fails the hash test until the version
 * is raised and a line of history is added here.
 *
 * 1 (0.1.0) documents feed, module and system requests, debug lines, pause and preview asked by the edge, secret rotation.
 */
export const LINK_PROTOCOL_VERSION = 1
/** Versions this program can speak, newest first. */
export const LINK_PROTOCOL_VERSIONS: readonly number[] = [1]
export const CONTROL_PROTOCOL_VERSION = 1
