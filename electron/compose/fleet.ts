import { homedir } from 'node:os'
import path from 'node:path'
import { LOCAL_NODE_ID } from '../../shared/model/fleet'
import type { TopicBody, TopicValues } from '../../shared/console/contract'
import { failureOf } from '../../shared/model/failures'
import type { Parts } from './parts'
import { LiveTopic } from '../console/live-topic'
import { NodeCredentials } from '../fleet/credentials'
import { NodeMonitor } from '../fleet/monitor'
import { checkingNodes } from '../fleet/node-check'
import { localNode, nodeOperations, nodesShown, type NodeHandlers } from '../fleet/node-operations'
import { healthProbe } from '../fleet/health-probe'
import { tcpProbe } from '../fleet/probes'
import { openNodes } from '../fleet/sqlite'
import { sshProbe } from '../fleet/ssh-probe'
import { watchedNodes } from '../fleet/watched-nodes'
import type { WatchedNodes } from '../master/alerts'

/** Other machines that a master looks at, whether a controller runs there or not. */
export interface Fleet {
  handlers(): NodeHandlers
  /** A page of nodes, live. */
  subscribe(params: TopicValues<'nodes'>, listener: (body: TopicBody<'nodes'>) => void): () => void
  /** What alerts look at. */
  readonly watched: WatchedNodes
  start(): void
  timeGap(): void
}

/** A page of ten thousand takes its time; nobody reads faster. */
const SHOWN_EVERY_MS = 500

export function openFleet(parts: Parts, own: () => { ok: boolean }, stack: AsyncDisposableStack): Fleet {
  const { clock, random, log, dataDir, secrets, settings, version, timeZone } = parts
  const store = stack.use(openNodes(path.join(dataDir, 'master', 'fleet.db')))
  if (store.node(LOCAL_NODE_ID) === null) store.add(localNode(LOCAL_NODE_ID, clock.wall()))
  // What an earlier process found holds only for as long as it would have held then.
  store.expire(clock.wall())
  const credentials = new NodeCredentials({ secrets, keyFolder: path.join(homedir(), '.ssh') })
  const monitor = new NodeMonitor({
    ...{ store, clock, logger: log.child('nodes') },
    check: checkingNodes({
      credentials,
      probes: { tcp: tcpProbe(clock), ssh: sshProbe(clock, agentOf(parts)), health: healthProbe(clock) },
      own: () => ({ ...own(), version, role: settings.role }),
    }),
  })
  stack.use(monitor)
  const handlers = nodeOperations({ store, monitor, credentials, clock, random, timeZone })
  return {
    handlers: () => handlers,
    watched: watchedNodes(store, monitor, clock),
    subscribe: (params, listener) => {
      const topic = new LiveTopic(
        clock,
        () => nodesShown({ store, monitor }, params),
        (error) => log.log('warn', 'Nodes could not be told', failureOf(error)),
        SHOWN_EVERY_MS,
      )
      topic.subscribe(listener)
      const stop = monitor.onShown(() => topic.changed())
      return () => {
        stop()
        topic[Symbol.dispose]()
      }
    },
    start: () => monitor.start(),
    timeGap: () => monitor.timeGap(),
  }
}

/** Windows has its agent in one place. */
const agentOf = ({ sshAgent }: Pick<Parts, 'sshAgent'>): string | null =>
  process.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : sshAgent
