import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from 'vite'
import { beforeAll, expect, test } from 'vitest'
import { outboxIn, pending, temporaryFolder } from '../support/outbox'

const root = path.resolve(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash-decisions')

beforeAll(() =>
  build({
    ...{ root, configFile: false, logLevel: 'error', ssr: { noExternal: true, external: ['better-sqlite3'] } },
    build: {
      ssr: path.join(import.meta.dirname, 'decisions-writer.ts'),
      ...{ outDir: bundle, target: 'node24', minify: false },
    },
  }),
)

/** What the process said it had decided; `killAt` 0: it runs to its end. */
function decideIn(folder: string, run: number, killAt: number, how: 'relay' | 'direct'): string[] {
  const script = path.join(bundle, 'decisions-writer.js')
  const { stdout, signal, status } = spawnSync(process.execPath, [script, folder, `${run}`, `${killAt}`, how], {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 },
  })
  if (killAt === 0) expect(status).toBe(0)
  else expect(signal ?? 'ended').toMatch(/SIGKILL|ended/)
  return stdout.split('\n').flatMap((line) => (line.startsWith('decided ') ? [line.slice('decided '.length)] : []))
}

async function toldIn(folder: string): Promise<string[]> {
  await using outbox = outboxIn(folder)
  return pending(outbox).map(({ body }) => {
    const { id, finishedAt } = JSON.parse(body as string) as { id: string; finishedAt: number | null }
    return `${id} ${finishedAt === null ? 'open' : 'ended'}`
  })
}

/** Steps of a run that is not killed, and some more. */
const STEPS = 20

/** Which decisions no entry tells as they stood at the end, and which entries are there twice. */
async function afterKills(folder: string, how: 'relay' | 'direct') {
  const decided = new Set<string>()
  for (let killAt = 1; killAt <= STEPS; killAt++)
    for (const one of decideIn(folder, killAt, killAt, how)) decided.add(one)
  for (const one of decideIn(folder, 0, 0, how)) decided.add(one)
  const told = await toldIn(folder)
  // Of one that had ended before it was told, the beginning need not be told any more.
  const owed = [...decided].filter((one) => !one.endsWith(' open') || !decided.has(one.replace(/open$/, 'ended')))
  return {
    decided: decided.size,
    missing: owed.filter((one) => !told.includes(one)),
    twice: told.filter((one, index) => told.indexOf(one) !== index),
  }
}

test('each decision is in the outbox once, wherever between the two stores the process was killed', async () => {
  using folder = temporaryFolder()
  const { decided, missing, twice } = await afterKills(folder.path, 'relay')
  expect({ missing, twice }).toEqual({ missing: [], twice: [] })
  expect(decided).toBeGreaterThan(STEPS * 2)
}, 120_000)

test('a process that only appends what it decides loses some: the kills hit in between', async () => {
  using folder = temporaryFolder()
  const { missing } = await afterKills(folder.path, 'direct')
  expect(missing.length).toBeGreaterThan(0)
}, 120_000)
