import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { beforeAll, expect, test } from 'vitest'
import { outboxIn, pending, temporaryFolder } from '../../support/outbox'

const root = path.resolve(import.meta.dirname, '../../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash-outbox')
const CYCLES = 40

beforeAll(() =>
  build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['better-sqlite3'] },
    build: {
      ssr: path.join(import.meta.dirname, 'outbox-writer.ts'),
      outDir: bundle,
      target: 'node24',
      minify: false,
    },
  }),
)

/** Lets the writer say `lines` lines, kills it in the middle of whatever it does then, and returns all it said. */
async function writeAndKill(folder: string, run: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [path.join(bundle, 'outbox-writer.js'), folder, String(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === lines) child.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return said
}

const names = (said: readonly string[], word: string) =>
  said.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))

test(`after each of ${CYCLES} kills everything answered is there or was acknowledged, once, and no number twice`, async () => {
  using folder = temporaryFolder()
  const stored = new Set<string>()
  const acknowledged = new Set<string>()
  const runOf = new Map<string, string>()
  let heads = { alerts: 0, telemetry: 0 }
  for (let run = 0; run < CYCLES; run++) {
    const said = await writeAndKill(folder.path, run, 60 + ((run * 137) % 1_500))
    for (const name of names(said, 'stored')) stored.add(name)
    for (const name of names(said, 'acked')) acknowledged.add(name)
    const lines: string[] = []
    await using outbox = outboxIn(folder.path, { lines })
    const found = new Set<string>()
    for (const lane of ['alerts', 'telemetry'] as const) {
      for (const { feedId, seq, runId, body } of pending(outbox, lane)) {
        const { name } = JSON.parse(body as string) as { name: string }
        expect(found.has(name)).toBe(false)
        found.add(name)
        // A number means the same entry for ever.
        const written = `${runId} ${name}`
        expect(runOf.get(`${feedId} ${seq}`) ?? written).toBe(written)
        runOf.set(`${feedId} ${seq}`, written)
      }
    }
    const missing = [...stored].filter((name) => !found.has(name) && !acknowledged.has(name))
    expect(missing).toEqual([])
    const now = outbox.feeds()
    for (const { lane, head } of now) expect(head).toBeGreaterThanOrEqual(heads[lane])
    heads = { alerts: now[0]!.head, telemetry: now[1]!.head }
    expect(outbox.status().pendingEntries).toBe(found.size)
    expect(outbox.status().droppedBecause).toEqual({})
    expect(lines).toEqual([])
    // Kept small: all but the newest twenty of each feed are acknowledged here, too.
    for (const { lane, feedId, head } of now) {
      const throughSeq = Math.max(0, head - 20)
      for (const { seq, body } of pending(outbox, lane))
        if (seq <= throughSeq) acknowledged.add((JSON.parse(body as string) as { name: string }).name)
      expect(await outbox.acknowledge(feedId, { throughSeq, ranges: [] })).toBe('done')
    }
  }
  expect(stored.size).toBeGreaterThan(CYCLES * 60)
}, 180_000)
