import { z } from 'zod'
import { decision } from '../model/control'
import { debugLine } from '../model/modules'
import { activityItem, activityOperations, activityTopicParams } from './activity-operations'
import { alertOperations, alertTopics } from './alert-operations'
import { apiOperations } from './api-operations'
import { channelOperations } from './channel-operations'
import { controlOperations } from './control-operations'
import { dataOperations, dataTopics } from './data-operations'
import { checkingView, diagnosticsOperations } from './diagnostics-operations'
import { documentOperations } from './document-operations'
import { fleetOperations, fleetTopics } from './fleet-operations'
import { moduleOperations } from './module-operations'
import { nodeOperations, nodeTopics } from './node-operations'
import { edgeRef, none, operation } from './operation'
import { secretOperations } from './secret-operations'
import { settingOperations } from './setting-operations'
import { setupOperations } from './setup-operations'
import { userOperations, userTopics } from './user-operations'
import { statusView } from './views'

/** Every operation: least role, whether it changes anything, input and output. IPC, WebSocket, CLI and mocks are derived from this table. */
export const operations = {
  health: operation(
    'anonymous',
    false,
    none,
    z.object({ ok: z.boolean(), role: z.string(), version: z.string(), booted: z.boolean() }),
  ),
  'status.get': operation('viewer', false, none, statusView),
  ...controlOperations,
  ...documentOperations,
  ...moduleOperations,
  ...dataOperations,
  ...alertOperations,
  ...channelOperations,
  ...diagnosticsOperations,
  ...activityOperations,
  ...settingOperations,
  ...setupOperations,
  ...secretOperations,
  ...userOperations,
  ...nodeOperations,
  ...apiOperations,
  ...fleetOperations,
} as const
export type OperationName = keyof typeof operations
export type OperationInput<N extends OperationName> = z.input<(typeof operations)[N]['input']>
export type OperationParams<N extends OperationName> = z.output<(typeof operations)[N]['input']>
export type OperationOutput<N extends OperationName> = z.output<NonNullable<(typeof operations)[N]['output']>>

/** What can be subscribed to. A snapshot topic sends its whole body once, then deltas of it; a stream sends items. `body` is for types and tests, as `output` is. */
export const topics = {
  /** What happens from now on; what was before is `activity.list`. */
  activity: { kind: 'stream', role: 'viewer', params: activityTopicParams, body: activityItem },
  /** The checks as they run. Subscribing starts none. */
  diagnostics: { kind: 'snapshot', role: 'viewer', params: none, body: checkingView },
  status: { kind: 'snapshot', role: 'viewer', params: none, body: statusView },
  decisions: { kind: 'stream', role: 'viewer', params: z.object({ edge: edgeRef.optional() }), body: decision },
  debug: {
    kind: 'stream',
    role: 'operator',
    edgeOf: 'module',
    params: z.object({ module: z.string() }),
    body: z.object({ lines: z.array(debugLine), dropped: z.number() }),
  },
  ...dataTopics,
  ...alertTopics,
  ...userTopics,
  ...nodeTopics,
  ...fleetTopics,
} as const
export type TopicName = keyof typeof topics
export type TopicParams<N extends TopicName> = z.input<(typeof topics)[N]['params']>
export type TopicValues<N extends TopicName> = z.output<(typeof topics)[N]['params']>
export type TopicBody<N extends TopicName> = z.output<(typeof topics)[N]['body']>
