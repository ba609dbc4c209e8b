import { DEAD_LETTER_PREVIEW, type DeadLetterView, type SyncView } from '../../shared/console/data-views'
import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'
import type { DeadLetter } from '../outbox/outbox'
import type { Clock } from '../platform/ports'
import type { SiteTelemetry } from './site-telemetry'

export interface SyncOperationsParts {
  readonly telemetry: SiteTelemetry
  /** Null: this controller has not joined a master yet; what it buffers can be looked at all the same. */
  readonly self: () => { readonly edgeId: string; readonly name: string } | null
  readonly clock: Clock
}

type SyncHandlers = Pick<
  OperationHandlers,
  'sync.status' | 'sync.drain' | 'sync.deadLetters' | 'sync.retry' | 'sync.drop'
>
type TelemetryHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `telemetry.${string}`>>

/** Bodies one answer carries at most, unless a single one is larger. */
const LETTERS_BYTES_MAX = 2 * 1024 * 1024

function requireOwn({ self }: SyncOperationsParts, reference: string | undefined): void {
  const edge = self()
  if (reference === undefined || reference === edge?.edgeId || reference === edge?.name) return
  throw new HoldfastError('not-found', `The site of this controller is ${edge ? `"${edge.name}"` : 'not joined'}.`)
}

/** The body of the topic `sync`, made anew each time. Throws `not-found` for another site. */
export function ownSync(parts: SyncOperationsParts, reference: string | undefined): () => SyncView {
  requireOwn(parts, reference)
  const { telemetry, self, clock } = parts
  return () => {
    const { state, byCategory, dropped, droppedBecause, fileBytes, deadLetterBytes, switchedOff } =
      telemetry.outbox.status()
    const site = self()
    return {
      edgeId: site?.edgeId ?? null,
      name: site?.name ?? 'edge',
      status: telemetry.status(),
      asOf: clock.wall(),
      isReachable: true,
      buffer: {
        ...{ state, byCategory, dropped, droppedBecause, fileBytes, deadLetterBytes },
        switchedOff: [...switchedOff],
      },
    }
  }
}

/** The buffer of this controller's own site. */
export function syncOperations(parts: SyncOperationsParts): SyncHandlers {
  const { outbox, push } = parts.telemetry
  return {
    'sync.status': ({ edge }) => ownSync(parts, edge)(),
    'sync.drain': ({ edge, limit }) => {
      requireOwn(parts, edge)
      return push.drain(limit ?? null)
    },
    'sync.deadLetters': ({ limit, after, whole }) => {
      const found = outbox.deadLetters({ limit, ...(after === undefined ? {} : { after }) })
      const letters: DeadLetterView[] = []
      let bytes = 0
      for (const letter of found) {
        const view = letterView(letter, whole)
        if (letters.length > 0 && bytes + view.text.length > LETTERS_BYTES_MAX) break
        bytes += view.text.length
        letters.push(view)
      }
      const isAll = letters.length === found.length && found.length < limit
      return { letters, next: isAll ? null : (letters.at(-1)?.id ?? null) }
    },
    'sync.retry': async ({ ids }) => ({ entries: await outbox.retryDeadLetters(ids) }),
    'sync.drop': async ({ ids }) => ({ entries: await outbox.dropDeadLetters(ids) }),
  }
}

function letterView({ id, entry, code, message, rejectedAt }: DeadLetter, whole: boolean): DeadLetterView {
  const { feedId, seq, category, at, body } = entry
  const isBytes = typeof body !== 'string'
  const text = isBytes ? Buffer.from(body).toString('base64') : body
  return {
    ...{ id, feedId, seq, category, at, rejectedAt, code, message, isBytes },
    bytes: isBytes ? body.byteLength : Buffer.byteLength(body),
    text: whole ? text : text.slice(0, DEAD_LETTER_PREVIEW),
    isCut: !whole && text.length > DEAD_LETTER_PREVIEW,
  }
}

const atMaster = (): never => {
  throw new HoldfastError('refused', 'Telemetry is kept and searched at the master.', {
    hint: 'Open the console of the master, or use its command line. Here: holdfast sync status',
  })
}

/** Live topics that only a master has. */
export const noTails = { logs: atMaster, points: atMaster } as const

/** An edge keeps only what it has not pushed yet. */
export const noTelemetry: TelemetryHandlers = {
  'telemetry.status': atMaster,
  'telemetry.logs': atMaster,
  'telemetry.series': atMaster,
  'telemetry.points': atMaster,
  'telemetry.traces': atMaster,
  'telemetry.spans': atMaster,
  'telemetry.alerts': atMaster,
  'telemetry.losses': atMaster,
}
