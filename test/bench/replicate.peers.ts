// The peers of a peer-bench folder (`--peers DIR`: a copy in which `npm ci` ran): its `run-one.mjs` is started once for each variant of each peer whose server is
// installed. Compared is `endToEnd`: until every record was consumed and acknowledged.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** No stores of records with two ends: one process without a network, and a line without storage. */
const LIMITS = new Set(['sqlite', 'ws'])
const CAP_S = 40

export interface PeerResult {
  readonly peer: string
  readonly variant: string
  readonly perS: number
}
export interface PeersRun {
  readonly results: readonly PeerResult[]
  /** Peers and variants that were not measured, and why. */
  readonly notRun: readonly string[]
}
interface Peer {
  readonly needs: object
  readonly variants: Readonly<Record<string, unknown>>
}
interface Line {
  readonly metric?: string
  readonly rate?: number
  readonly skip?: string
  readonly error?: string
}

export async function runPeers(folder: string, records: number): Promise<PeersRun> {
  const load = (file: string): Promise<unknown> =>
    import(/* @vite-ignore */ pathToFileURL(path.join(folder, file)).href)
  const { missing } = (await load('lib.mjs')) as { missing(needs: object): string }
  const results: PeerResult[] = []
  const notRun: string[] = []
  for (const file of readdirSync(path.join(folder, 'peers')).sort()) {
    const name = file.replace(/\.mjs$/, '')
    if (LIMITS.has(name)) continue
    const loaded = await load(`peers/${file}`).catch((error: unknown) => String(error))
    if (typeof loaded === 'string') {
      notRun.push(`${name}: ${loaded}`)
      continue
    }
    const peer = (loaded as { default: Peer }).default
    const reason = missing(peer.needs)
    if (reason !== '') {
      notRun.push(`${name}: ${reason}`)
      continue
    }
    for (const variant of Object.keys(peer.variants)) {
      const lines = await runOne(folder, name, variant, records)
      const rate = lines.find(({ metric }) => metric === 'endToEnd')?.rate
      const told = lines.map(({ skip, error }) => skip ?? error?.split('\n')[0]).find((each) => each !== undefined)
      if (rate === undefined) notRun.push(`${name} ${variant}: ${told ?? 'no result'}`)
      else results.push({ peer: name, variant, perS: rate })
    }
  }
  return { results: results.sort((a, b) => b.perS - a.perS), notRun }
}

function runOne(folder: string, peer: string, variant: string, records: number): Promise<Line[]> {
  const child = spawn(
    process.execPath,
    [path.join(folder, 'run-one.mjs'), peer, variant, String(records), String(CAP_S)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return new Promise((resolve) => {
    // It ends its servers itself; this only guards against one that hangs.
    const guard = setTimeout(() => child.kill('SIGKILL'), (CAP_S * 3 + 60) * 1_000)
    child.on('close', () => {
      clearTimeout(guard)
      const lines = text.split('\n').filter((line) => line.startsWith('{'))
      resolve(lines.map((line) => JSON.parse(line) as Line))
    })
  })
}
