import { bytesText, fail, listed, pass, timeText, unknown, warn, type Verdict } from './verdict'

/** Judgements of what lies in a data directory: pure. */

export type DirectoryFacts =
  | { readonly kind: 'missing' | 'not-one'; readonly dir: string }
  | { readonly kind: 'refused'; readonly dir: string; readonly reason: string }
  /** `mode`: of a POSIX file system; null: there are none here. */
  | { readonly kind: 'writable'; readonly dir: string; readonly mode: number | null }

export function judgeDirectory(facts: DirectoryFacts): Verdict {
  const { dir } = facts
  switch (facts.kind) {
    case 'missing':
      return warn('data-directory.missing', { dir }, 'fix.first-start')
    case 'not-one':
      return fail('data-directory.not-one', { dir }, 'fix.other-directory')
    case 'refused':
      return fail('data-directory.read-only', { dir, reason: facts.reason }, 'fix.writable')
    case 'writable':
      if (facts.mode !== null && (facts.mode & 0o077) !== 0)
        return warn('data-directory.open', { dir, mode: (facts.mode & 0o777).toString(8) }, 'fix.private')
      return pass('data-directory.fine', { dir })
  }
}

/** `pid`: by the files a controller leaves; null: there are none. */
export function judgeLock({ isHeld, isOurs, pid }: { isHeld: boolean; isOurs: boolean; pid: number | null }): Verdict {
  if (isOurs) return pass('data-lock.ours')
  if (isHeld && pid !== null) return pass('data-lock.held', { pid })
  if (isHeld) return warn('data-lock.silent', {}, 'fix.stop')
  return pid === null ? pass('data-lock.free') : warn('data-lock.stale', {}, 'fix.start', { dir: '…' })
}

export interface DatabaseFacts {
  readonly file: string
  readonly bytes: number
  /** `ok`, what is wrong, or null: not looked at. */
  readonly found: string | null
  readonly canOpen: boolean
}

export function judgeDatabases(databases: readonly DatabaseFacts[]): Verdict {
  const bad = databases.find(({ found, canOpen }) => found !== null && found !== 'ok' && canOpen)
  if (bad) return fail('databases.damaged', { file: bad.file, reason: bad.found ?? '' }, 'fix.backup')
  const shut = databases.find(({ canOpen }) => !canOpen)
  if (shut) return fail('databases.unread', { file: shut.file, reason: shut.found ?? '' }, 'fix.writable')
  if (databases.length === 0) return pass('databases.none')
  const skipped = databases.filter(({ found }) => found === null)
  const count = databases.length - skipped.length
  if (skipped.length > 0)
    return unknown('databases.large', { count, files: listed(skipped.map(({ file }) => file)) }, 'fix.deep')
  const bytes = databases.reduce((sum, database) => sum + database.bytes, 0)
  return pass('databases.fine', { count, bytes: bytesText(bytes) })
}

/** `backend`: how the shell keeps them; null: in files of this directory. `open`: how many others can read. */
export function judgeSecrets(facts: {
  count: number
  open: number
  backend: string | null
  isPlain: boolean
}): Verdict {
  const { count, open, backend } = facts
  if (open > 0) return fail('secrets.open', { count: open }, 'fix.secrets-private')
  if (backend === null) return pass('secrets.files', { count })
  if (facts.isPlain) return warn('secrets.plain', { backend }, 'fix.key-store')
  return pass('secrets.key-store', { count, backend })
}

/** How the run before this one ended; null: there was none. `startedAt`: when it began. */
export type LastStop = { readonly end: 'orderly' | 'unclean'; readonly startedAt: number | null } | null

export function judgeLastStop(last: LastStop): Verdict {
  if (last === null) return pass('last-stop.first')
  if (last.end === 'orderly') return pass('last-stop.orderly')
  return warn('last-stop.unclean', { time: last.startedAt === null ? '?' : timeText(last.startedAt) }, 'fix.log')
}

/** `error`: the file cannot be understood at all. */
export function judgeSettings({ ignored, error }: { ignored: readonly string[]; error: string | null }): Verdict {
  if (error !== null) return fail('settings.unreadable', { reason: error }, 'fix.settings')
  return ignored.length > 0
    ? warn('settings.ignored', { names: listed(ignored) }, 'fix.settings')
    : pass('settings.fine')
}
