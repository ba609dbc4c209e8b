import { z } from 'zod'

/** Worst last. */
export const alertSeverities = ['info', 'warning', 'critical'] as const
export type AlertSeverity = (typeof alertSeverities)[number]

/**
 * What a rule looks at: values of a metric, log lines by words and severity, the absence of data of a linked edge, an edge without a link, entries an edge has
 * lost, an interval in which both sides drove, alerts that edges raise themselves, and of the nodes that are checked those that are offline and those that show
 * another host key or certificate than the pinned one.
 */
export const alertWatches = [
  'metric',
  'logs',
  'absence',
  'edge-lost',
  'telemetry-lost',
  'both-drove',
  'edge-alerts',
  'node-offline',
  'host-key-changed',
] as const
export type AlertWatch = (typeof alertWatches)[number]

/** `last`: of the newest value alone; the others over the values that came within `overMs`. */
export const alertAggregates = ['last', 'min', 'max', 'mean', 'sum', 'count'] as const
export type AlertAggregate = (typeof alertAggregates)[number]

export const alertComparisons = ['above', 'at-least', 'below', 'at-most'] as const
export type AlertComparison = (typeof alertComparisons)[number]

/** `unknown`: it was firing when the data ended, and nothing has said since that it is over. */
export const alertStates = ['pending', 'firing', 'unknown', 'resolved'] as const
export type AlertState = (typeof alertStates)[number]

/** `paused`: the node is not checked any more, and nobody is to be told of it meanwhile. */
export const alertEndings = ['cleared', 'rule-changed', 'rule-off', 'edge-removed', 'node-removed', 'paused'] as const
export type AlertEnding = (typeof alertEndings)[number]

/** What an alert of a node has in place of an edge's id: no id of a document looks like it. */
const OF_NODE = 'node:'
export const subjectOfNode = (nodeId: string): string => OF_NODE + nodeId
/** Null: it is the id of an edge. */
export const nodeOfSubject = (subject: string): string | null =>
  subject.startsWith(OF_NODE) ? subject.slice(OF_NODE.length) : null

/** How people are told of alerts. The desktop tells its own user by itself. */
export const channelTypes = ['webhook', 'email'] as const
export type ChannelType = (typeof channelTypes)[number]

/** `starttls`: refused where the server does not offer it; `none`: for a relay on the same machine, without a password. */
export const mailSecurities = ['tls', 'starttls', 'none'] as const
export const channelLanguages = ['en', 'de', 'zh'] as const

/** What an alert says, by key: its words are in the catalogues (`alertSaid.<key>`, rendered by `alertText`). */
export const alertSayings = [
  'edgeLost',
  'absent',
  'absentMetric',
  'logs',
  'logsWith',
  'value',
  'telemetryLost',
  'bothDrove',
  'nodeOffline',
  'hostKeyChanged',
  'certificateChanged',
] as const
export const alertSaid = z.object({
  key: z.enum(alertSayings),
  /** `value`: `what`, `of` (an aggregate), `value`, `how` (a comparison), `threshold`; `bothDrove`: `from`, `to` (epoch ms); the others as their text has them. */
  params: z.record(z.string().max(50), z.union([z.string().max(2_000), z.number()])),
})
export type AlertSaid = z.infer<typeof alertSaid>
