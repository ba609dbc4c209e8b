import { watchMe, type AccountHandlers } from '../console/account-operations'
import type { Accounts } from '../console/accounts'
import type { OperationHandlers, Operations } from '../console/operations'
import { LiveTopic } from '../console/live-topic'
import type { ActivityRecorder } from '../activity/recorder'
import type { Clock, Logger } from '../platform/ports'
import type { FileSecrets } from '../platform/secrets'
import type { SettingsStore } from '../platform/settings-store'
import type { Setup } from '../platform/setup'
import type { TopicValues } from '../../shared/console/contract'
import type { SyncView } from '../../shared/console/data-views'
import type { StatusView } from '../../shared/console/views'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { activityOperations, subscribeActivity } from './activity'
import type { Diagnostics } from './diagnostics'
import type { Site } from './site'

/** What the operations of a controller are made of, besides those of its role. */
export interface OperationParts {
  readonly site: Site
  readonly live: LiveTopic<StatusView>
  readonly syncs: SyncTopics
  readonly settings: SettingsStore
  readonly activity: ActivityRecorder
  readonly diagnostics: Diagnostics
  readonly setup: Setup
  readonly secrets: FileSecrets
  readonly accounts: AccountHandlers
  /** Null: this controller keeps none. */
  readonly people: Accounts | null
  readonly status: () => StatusView
  readonly showApi: OperationHandlers['api.show']
  readonly health: OperationHandlers['health']
}

export function operationsOf(parts: OperationParts): Operations {
  const { site, settings, setup, secrets, status, health, showApi, activity, accounts, diagnostics } = parts
  return {
    handlers: {
      ...site.handlers(),
      health,
      'status.get': status,
      'settings.get': ({ names }) => settings.view(names),
      'settings.set': ({ values, expectedRevision }) => settings.set(values, expectedRevision),
      'settings.reset': ({ names, expectedRevision }) => settings.reset(names, expectedRevision),
      'setup.state': () => setup.state(),
      'setup.choose': ({ role, name }) => setup.choose(role, name),
      'setup.finish': () => setup.finish(),
      'secrets.keep': async (asked) => ({ moved: await secrets.keepIn(asked.in) }),
      ...activityOperations(activity),
      ...accounts,
      'api.show': showApi,
      ...diagnostics.handlers,
    },
    topics: topicsOf(parts),
  }
}

function topicsOf({ site, live, syncs, activity, diagnostics, people }: OperationParts): Operations['topics'] {
  return {
    subscribe: (topic, params, listener, caller) => {
      switch (topic) {
        case 'me':
          return watchMe(people, caller, listener as never)
        case 'status':
          return live.subscribe(listener as (body: StatusView) => void)
        case 'activity':
          return subscribeActivity(activity, params, listener as never)
        case 'diagnostics':
          return diagnostics.subscribe(listener as never)
        case 'debug':
          return site.subscribeDebug(String(params['module']), listener as never)
        case 'decisions':
          return site.onDecision(listener as never)
        case 'alerts':
          return (site.subscribeAlerts ?? atMaster('Alerts are'))(listener as never)
        case 'nodes':
          return (site.subscribeNodes ?? atMaster('Nodes are'))(params as TopicValues<'nodes'>, listener as never)
        case 'fleet':
          return (site.subscribeFleet ?? atMaster('The fleet is'))(params as TopicValues<'fleet'>, listener as never)
        case 'sync':
          return syncs.watch(site.data.sync(params), listener as (body: SyncView) => void)
        case 'logs':
          return site.data.logs(params, listener as never)
        case 'points':
          return site.data.points(params as TopicValues<'points'>, listener as never)
      }
      throw new HoldfastError('not-found', `There is no topic ${String(topic)}.`)
    },
  }
}

const atMaster = (what: string) => (): never => {
  throw new HoldfastError('refused', `${what} kept at the master.`, { hint: 'Look at the master of this edge.' })
}

/** How the pushing goes, for each that looks at it. */
export class SyncTopics {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #topics = new Set<LiveTopic<SyncView>>()

  constructor({ clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  changed(): void {
    for (const topic of this.#topics) topic.changed()
  }

  watch(build: () => SyncView, listener: (body: SyncView) => void): () => void {
    const topic = new LiveTopic(this.#clock, build, (error) =>
      this.#log.log('warn', 'The way of telemetry could not be told', failureOf(error)),
    )
    topic.subscribe(listener)
    this.#topics.add(topic)
    return () => {
      this.#topics.delete(topic)
      topic[Symbol.dispose]()
    }
  }
}
