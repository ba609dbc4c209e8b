import type { SyncView } from '../../shared/console/data-views'
import type { StatusView } from '../../shared/console/views'
import type { ModuleView } from '../../shared/model/modules'
import { fail, listed, pass, timeText, unknown, warn, type Verdict } from './verdict'

/** Judgements of what a site, or all sites of a master, tell of themselves: pure. */

const TEXTS_SHOWN = 3
const BACKLOG_HOURS = 24

export function judgeController(status: Pick<StatusView, 'name' | 'role' | 'booted'>): Verdict {
  const { name, role, booted } = status
  return booted ? pass('controller.answers', { name, role }) : warn('controller.loading', { name, role }, 'fix.wait')
}

export function judgeIncidents({ needs }: Pick<StatusView, 'needs'>): Verdict {
  if (needs.length === 0) return pass('incidents.none')
  const texts = needs.slice(0, TEXTS_SHOWN).map(({ text }) => text)
  const params = { count: needs.length, texts: [...texts, ...(needs.length > TEXTS_SHOWN ? ['…'] : [])].join(' · ') }
  const isCritical = needs.some(({ severity }) => severity === 'critical')
  return (isCritical ? fail : warn)('incidents.some', params, 'fix.incidents')
}

export function judgeModules(modules: readonly ModuleView[]): Verdict {
  const count = modules.length
  if (count === 0) return pass('modules.none')
  const failing = modules.filter(({ state }) => state === 'failed' || state === 'backing-off')
  if (failing.length > 0)
    return fail('modules.failing', { failing: failing.length, count, names: named(failing) }, 'fix.modules')
  const silent = modules.filter(({ state, connected }) => state === 'running' && !connected)
  if (silent.length > 0)
    return warn('modules.silent', { silent: silent.length, count, names: named(silent) }, 'fix.modules')
  const unseen = modules.filter(({ state }) => state === 'unknown')
  if (unseen.length > 0) return unknown('modules.unknown', { unknown: unseen.length, count, names: named(unseen) })
  const running = modules.filter(({ state }) => state === 'running')
  return pass('modules.fine', { count: running.length, connected: running.filter(({ connected }) => connected).length })
}

const named = (modules: readonly ModuleView[]): string => listed(modules.map(({ name }) => name))

/** A site's window and the schedule behind it. `hasSchedule` null: the document is not known. */
export interface WindowFacts {
  readonly name: string
  readonly hasSchedule: boolean | null
  readonly open: boolean
  readonly nextOpenAt: number | null
}

export function judgeWindow(sites: readonly WindowFacts[]): Verdict {
  const never = sites.filter((site) => site.hasSchedule === true && !site.open && site.nextOpenAt === null)
  if (never.length > 0)
    return warn('restore-window.never', { names: listed(never.map(({ name }) => name)) }, 'fix.window')
  if (sites.some(({ open }) => open)) return pass('restore-window.open')
  const next = Math.min(...sites.map(({ nextOpenAt }) => nextOpenAt ?? Infinity))
  return Number.isFinite(next) ? pass('restore-window.opens', { time: timeText(next) }) : pass('restore-window.by-hand')
}

export interface PauseFacts {
  readonly name: string
  readonly failover: boolean
  readonly paused: StatusView['paused']
}

export function judgePause(sites: readonly PauseFacts[]): Verdict {
  const namesOf = (some: readonly PauseFacts[]): string => listed(some.map(({ name }) => name))
  const endless = sites.filter(({ paused }) => paused !== null && paused.until === null)
  if (endless.length > 0) return warn('pause.endless', { names: namesOf(endless) }, 'fix.pause')
  const off = sites.filter(({ failover }) => !failover)
  if (off.length > 0) return warn('pause.off', { names: namesOf(off) }, 'fix.failover')
  const paused = sites.find((site) => site.paused !== null)?.paused
  return paused?.until == null
    ? pass('pause.none')
    : pass('pause.until', { time: timeText(paused.until), reason: paused.reason })
}

export function judgeTelemetry({ buffer }: Pick<SyncView, 'buffer'>): Verdict {
  if (buffer === null) return unknown('step.skipped')
  return buffer.switchedOff.length > 0
    ? warn('telemetry.off', { categories: buffer.switchedOff.join(', ') }, 'fix.telemetry')
    : pass('telemetry.on')
}

export function judgeBuffer({ status, buffer }: Pick<SyncView, 'status' | 'buffer'>, now: number): Verdict {
  if (status === null) return unknown('step.skipped')
  if (buffer?.state === 'full') return fail('buffer.full', {}, 'fix.space')
  if (buffer?.state === 'salvaging') return warn('buffer.salvaging')
  if (status.deadLetters > 0) return warn('buffer.dead-letters', { count: status.deadLetters }, 'fix.dead-letters')
  const hours = status.oldestAt === null ? 0 : Math.floor((now - status.oldestAt) / 3_600_000)
  const entries = status.pendingEntries
  if (hours >= BACKLOG_HOURS) return warn('buffer.waiting', { entries, hours }, 'fix.buffer')
  return pass('buffer.fine', { state: status.state, entries })
}
