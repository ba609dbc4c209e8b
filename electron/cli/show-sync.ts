import type { LossView, SyncBrief, SyncView } from '../../shared/console/data-views'
import type { SyncStatus } from '../../shared/wire/push'
import type { TextKey } from '../../shared/text/text'
import { ageBetween, facts, lengthOf, oneLine, say, table, timeOf, type Paint } from './output'

const words: Record<SyncStatus['state'], TextKey> = {
  'up to date': 'push.upToDate',
  'catching up': 'push.catchingUp',
  'buffering (master unreachable)': 'push.buffering',
  paused: 'push.paused',
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.2 MiB`. */
export function sizeText(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  const amount = bytes / 1024 ** unit
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`
}

const rateText = (perS: number): string => say('push.ratePerS', { n: perS >= 10 ? Math.round(perS) : perS })
export const etaText = (etaS: number | null): string => (etaS === null ? '-' : lengthOf(etaS * 1_000))

/** What people read of it. `now`: of the controller that answered. */
export function syncText({ name, status, asOf, isReachable }: SyncView, now: number, paint: Paint): string {
  const head = paint('bold', oneLine(name))
  if (status === null) return `${head}\n${paint('yellow', say('push.notReached'))}\n`
  const colour = status.state === 'up to date' ? 'green' : 'yellow'
  const error = status.lastError
  const lines = facts(
    [
      [say('push.state'), paint(colour, say(words[status.state]))],
      [
        say('push.backlog'),
        say('push.backlogOf', { n: status.pendingEntries, size: sizeText(status.pendingBytes) }) +
          (status.oldestAt === null ? '' : `, ${say('push.oldest')} ${timeOf(status.oldestAt)}`),
      ],
      [say('push.rate'), rateText(status.ratePerS)],
      [say('push.timeLeft'), etaText(status.etaS)],
      [say('push.lastAck'), status.lastAckAt === null ? '' : timeOf(status.lastAckAt)],
      [say('push.lost'), status.dropped === 0 ? '0' : paint('red', String(status.dropped))],
      [say('push.deadLetters'), status.deadLetters === 0 ? '0' : paint('yellow', String(status.deadLetters))],
      [say('push.failedAttempts'), status.failedAttempts === 0 ? '' : String(status.failedAttempts)],
      [say('push.lastError'), error === null ? '' : `[${error.code}] ${oneLine(error.message)} (${timeOf(error.at)})`],
    ],
    paint,
  )
  const stale =
    isReachable || asOf === null ? '' : `${paint('yellow', say('push.lastTold', { age: ageBetween(asOf, now) }))}\n`
  return `${head}\n${stale}${lines}${lossText(status.losses, now)}`
}

function lossText(losses: SyncStatus['losses'], now: number): string {
  return losses
    .map(({ category, reason, entries, bytes, lastAt }) => {
      const words = { category, n: amountText(entries), size: sizeText(bytes), reason: say(`lossReason.${reason}`) }
      return `  ${say('push.lostOf', { ...words, age: ageBetween(lastAt, now) })}\n`
    })
    .join('')
}

const amountText = (n: number): string => n.toLocaleString('en')

/** One line of a status: `12,345 entries, catching up, about 40 s left`. */
export function backlogText(sync: SyncBrief, paint: Paint): string {
  const { state, pendingEntries, etaS, dropped, deadLetters, isReachable, asOf } = sync
  const left = state === 'catching up' && etaS !== null && etaS > 0
  return [
    say('push.entries', { n: amountText(pendingEntries) }),
    paint(state === 'up to date' && isReachable ? 'green' : 'yellow', say(words[state])),
    left ? say('push.timeLeftAbout', { age: lengthOf(etaS * 1_000) }) : '',
    dropped === 0 ? '' : paint('red', say('push.lostCount', { n: amountText(dropped) })),
    deadLetters === 0 ? '' : paint('yellow', say('push.deadLetterCount', { n: amountText(deadLetters) })),
    isReachable ? '' : paint('yellow', say('push.asOf', { time: timeOf(asOf) })),
  ]
    .filter((part) => part !== '')
    .join(', ')
}

/** What was told of losses, newest first. */
export function lossesText(losses: readonly LossView[], paint: Paint): string {
  if (losses.length === 0) return `${say('push.noLosses')}\n`
  const rows = losses.map(({ lostAt, category, reason, entries, isExact, bytes, firstAt, lastAt }) => [
    timeOf(lostAt),
    category,
    `${isExact ? '' : '≥ '}${amountText(entries)}`,
    sizeText(bytes),
    say(`lossReason.${reason}`),
    `${timeOf(firstAt)} – ${timeOf(lastAt)}`,
  ])
  return table(['LOST AT', 'CATEGORY', 'ENTRIES', 'SIZE', 'REASON', 'WRITTEN'], rows, paint)
}

const BAR_CELLS = 24

/** Amount, rate and time left on one line. `done` of `all` entries. */
export function progressText(done: number, all: number, perS: number): string {
  const share = all === 0 ? 1 : Math.min(1, done / all)
  const filled = Math.round(share * BAR_CELLS)
  const etaS = perS > 0 ? Math.ceil(Math.max(0, all - done) / perS) : null
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}] ${Math.floor(share * 100)}% ${done}/${all} ${rateText(Math.round(perS))} ${say('push.timeLeft')} ${etaText(etaS)}`
}
