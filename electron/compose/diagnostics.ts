import { createHash } from 'node:crypto'
import { BUNDLE_TEXT_SHOWN, type CheckingView } from '../../shared/console/diagnostics-operations'
import type { StatusView } from '../../shared/console/views'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import type { ActivityRecorder } from '../activity/recorder'
import { bundleFacts } from './bundle-facts'
import { checksOf, type CheckedPlace, type RunningSite } from './checks'
import { ownAnswer, self, type AskedHandlers } from './own-answers'
import { LiveTopic } from '../console/live-topic'
import type { OperationHandlers, OperationsOf } from '../console/operations'
import { tarGz, type ArchivedFile } from '../diagnostics/archive'
import { bundleFiles } from '../diagnostics/bundle'
import { Checking } from '../diagnostics/checking'
import type { LastStop } from '../diagnostics/judge-data'
import type { RecentLine } from '../diagnostics/recent-lines'
import type { Clock, Logger, NamedSecrets, Random, Secrets } from '../platform/ports'
import type { SettingsStore } from '../platform/settings-store'

const PREVIEW_VALID_MS = 10 * 60_000
/** Edges whose clocks are asked for. */
const EDGES_MAX = 100

export interface DiagnosticsParts {
  readonly dataDir: string
  readonly mainDir: string
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly secrets: Secrets
  readonly namedSecrets: Pick<NamedSecrets, 'list' | 'value'>
  readonly settings: Pick<SettingsStore, 'current' | 'set'>
  readonly ignoredSettings: readonly string[]
  readonly timeZone: string
  readonly lastStop: LastStop
  readonly recorder: ActivityRecorder
  lines(): readonly RecentLine[]
  status(): StatusView
  handlers(): AskedHandlers
}

export interface Diagnostics extends Disposable {
  readonly handlers: Pick<OperationHandlers, OperationsOf<'diagnostics'>>
  subscribe(listener: (body: CheckingView) => void): () => void
}

export function openDiagnostics(parts: DiagnosticsParts): Diagnostics {
  const { clock, log, random } = parts
  let topic: LiveTopic<CheckingView> | null = null
  const checking = new Checking({
    clock,
    checks: () => checksOf(placeOf(parts), runningSite(parts)),
    changed: () => topic?.changed(),
  })
  topic = new LiveTopic(
    clock,
    () => checking.view,
    (error) => log.log('warn', 'The checks could not be told', failureOf(error)),
  )
  let preview: { id: string; at: number; until: MonoMs; files: readonly ArchivedFile[] } | null = null
  const make = async (): Promise<{ at: number; files: readonly ArchivedFile[] }> => {
    const at = clock.wall()
    return { at, files: bundleFiles(await bundleFacts(parts, at, await checking.run())) }
  }
  return {
    subscribe: (listener) => topic.subscribe(listener),
    [Symbol.dispose]: () => topic[Symbol.dispose](),
    handlers: {
      'diagnostics.checks': async ({ only }) => {
        const checks = only === undefined ? await checking.run() : await checking.runSome(only)
        return { at: clock.wall(), checks: [...checks] }
      },
      'diagnostics.fix': ({ check }) => checking.mend(check),
      'diagnostics.preview': async () => {
        const { at, files } = await make()
        preview = { id: random.id(), at, until: after(clock.mono(), PREVIEW_VALID_MS), files }
        const shown = files.map(({ name, text }) => ({
          ...{ name, bytes: Buffer.byteLength(text), text: text.slice(0, BUNDLE_TEXT_SHOWN) },
          isCut: text.length > BUNDLE_TEXT_SHOWN,
        }))
        const bytes = shown.reduce((sum, file) => sum + file.bytes, 0)
        return { previewId: preview.id, name: bundleName(at), at, bytes, files: shown }
      },
      'diagnostics.bundle': async ({ previewId }) => {
        if (previewId !== undefined && (preview?.id !== previewId || clock.mono() > preview.until)) {
          throw new HoldfastError('not-found', 'This preview is not kept any more.', { hint: 'Make it again.' })
        }
        const { at, files } = previewId !== undefined && preview !== null ? preview : await make()
        const packed = await tarGz(files, at)
        return {
          ...{ name: bundleName(at), bytes: packed.length, base64: packed.toString('base64') },
          sha256: createHash('sha256').update(packed).digest('hex'),
        }
      },
    },
  }
}

const bundleName = (at: number): string =>
  `holdfast-diagnostics-${new Date(at).toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-')}.tar.gz`

function placeOf({
  dataDir,
  version,
  clock,
  secrets,
  mainDir,
  settings,
  ignoredSettings,
}: DiagnosticsParts): CheckedPlace {
  const known = { settings: settings.current, ignoredSettings, settingsError: null }
  return { dataDir, version, clock, secrets, mainDir, ...known, isDeep: false }
}

function runningSite({ timeZone, lastStop, status, handlers, settings }: DiagnosticsParts): RunningSite {
  return {
    ...{ timeZone, lastStop, status },
    sync: () => ownAnswer(handlers, 'sync.status', {}),
    schedules: () => {
      try {
        const answer = handlers()['documents.export']({ kinds: ['edge'] }, self)
        if (answer instanceof Promise) return null
        return new Set(answer.documents.filter(({ body }) => body['windowStart'] != null).map(({ id }) => id))
      } catch {
        return null
      }
    },
    skews: async () => {
      const edges = (status().edges ?? []).slice(0, EDGES_MAX)
      const told = edges.map(({ id }) => ownAnswer(handlers, 'telemetry.status', { edge: id }))
      return (await Promise.all(told)).flatMap((one) => one?.skewMs ?? [])
    },
    collectAll: async () => {
      const values = { collectMetrics: true, collectLogs: true, collectTraces: true, collectEvents: true }
      await settings.set(values)
    },
  }
}
