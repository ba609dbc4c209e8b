import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActivityItem } from '../../shared/console/activity-operations'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import { ControllerProcess, dataDirectory, holdfast, type CommandRun } from '../support/controller'
import { freePort } from '../support/place'
import { until } from '../support/until'

/** Every name, address and secret of this site is known here, and none of them may come out. */
const known = {
  site: 'Quarzhausen Nordwerk',
  siteId: 'quarzhausen',
  module: 'Spindel Siebzehn',
  moduleId: 'spindel17',
  system: 'Fräshalle',
  admin: 'ottilie.kranz',
  host: 'plc-spindel.quarzhausen.internal',
  password: 'Mondschein-4711',
  uriPassword: 'uhrwerk99',
  typed: 'Vergessene Baustelle',
  master: 'Leitstand Zinnober',
}

let stack: AsyncDisposableStack
let master: ControllerProcess
let edge: ControllerProcess
let edgeData: string
let masterData: string
let scratch: string
let linkPort: number

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  scratch = stack.use(dataDirectory('scratch')).dir
  masterData = path.join(stack.use(dataDirectory('secret-place')).dir, 'kunde-rotbuche')
  edgeData = path.join(stack.use(dataDirectory('secret-edge')).dir, 'kunde-rotbuche')
  linkPort = await freePort()
  master = stack.use(
    await ControllerProcess.start({ role: 'master', data: masterData, linkPort, env: { HOLDFAST_NAME: known.master } }),
  )
  const file = path.join(scratch, 'site.yaml')
  const documents = [
    { kind: 'edge', id: known.siteId, name: known.site, admins: [known.admin] },
    {
      ...{ kind: 'module', id: known.moduleId, name: known.module, driver: 'http-json' },
      uri: `http://${known.admin}:${known.uriPassword}@${known.host}:8080/linie/drei`,
      settings: { password: known.password, polls: [{ path: '/geheim/werte', variables: { level: '/level' } }] },
    },
    { kind: 'system', id: 'halle', name: known.system, edgeId: known.siteId, modules: [known.moduleId] },
  ]
  writeFileSync(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'))
  await master.ask('apply', file)
  const { code } = await master.ask<{ code: string }>('invite', '--edge', known.site)
  const joined = await holdfast(['join', code, '--data', edgeData, '--json'])
  if (joined.code !== 0) throw new Error(joined.err)
  edge = stack.use(await ControllerProcess.start({ role: 'edge', data: edgeData }))
  await until('the edge is linked', async () => (await edge.status()).link.state === 'connected', 20_000)
  // A refusal with a name that is in no document.
  await master.run('edge', 'show', known.typed)
}, 90_000)
afterAll(() => stack.disposeAsync())

const byId = (checks: CheckView[]): Map<string, CheckView> => new Map(checks.map((check) => [check.id, check]))
const doctor = async (run: Promise<CommandRun>): Promise<Map<string, CheckView>> =>
  byId((await run).json() as CheckView[])

/** What nobody may find: everything above, and what this machine and these controllers have. */
function sensitive(data: string): string[] {
  const secrets = readdirSync(path.join(data, 'secrets')).map((name) =>
    readFileSync(path.join(data, 'secrets', name), 'utf8'),
  )
  const tokens = secrets.flatMap((text) => text.match(/[A-Za-z0-9+/]{32,}/g) ?? [])
  const key = readFileSync(path.join(data, 'console.key'), 'utf8').trim()
  const place = ['kunde-rotbuche', 'secret-place', 'secret-edge', data]
  // A container's user may be called like a word of every text.
  const user = userInfo().username.length > 4 ? [userInfo().username] : []
  return [...Object.values(known), known.site.split(' ')[0]!, ...tokens, key, ...place, hostname(), ...user]
}

async function unpackedBundle(controller: ControllerProcess): Promise<{ names: string[]; text: string; file: string }> {
  const file = path.join(scratch, `${controller.options.role}.tar.gz`)
  const run = await controller.run('bundle', '--out', file)
  expect(run.err).toBe('')
  const folder = path.join(scratch, controller.options.role)
  mkdirSync(folder)
  execFileSync('tar', ['-xzf', file, '-C', folder])
  const names = readdirSync(folder)
  const text = names.map((name) => `${name}\n${readFileSync(path.join(folder, name), 'utf8')}`).join('\n')
  return { names, text, file }
}

describe('the bundle', () => {
  it('is made from a system that does tell these names (otherwise nothing would be shown)', async () => {
    const raw = JSON.stringify([
      await master.status(),
      await master.ask('export'),
      await master.ask('activity', 'list'),
    ])
    for (const name of [known.site, known.module, known.system, known.host, known.password, known.typed])
      expect(raw).toContain(name)
  })

  it.each(['master', 'edge'] as const)(
    'of a %s has no name, path, address or secret in it, and still says what helps',
    async (role) => {
      const controller = role === 'master' ? master : edge
      const { names, text, file } = await unpackedBundle(controller)
      const found = sensitive(controller.data).filter((secret) => text.toLowerCase().includes(secret.toLowerCase()))
      expect(found).toEqual([])
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(names.sort()).toEqual([
        'README.txt',
        'activity.ndjson',
        'buffer.json',
        'checks.json',
        'databases.json',
        'decisions.ndjson',
        'documents.json',
        'log.ndjson',
        'settings.json',
        'status.json',
        'versions.json',
      ])
      expect(text).toContain('"role": ')
      expect(text).toContain('"driver": "http-json"')
      expect(text).toMatch(/site-1/)
      for (const name of names.filter((one) => one.endsWith('.json')))
        expect(() => JSON.parse(readFileSync(path.join(scratch, role, name), 'utf8')) as unknown, name).not.toThrow()
    },
  )

  it('shows every file with its size before anything is written, and never writes over a file', async () => {
    const preview = await master.ask<{ files: { name: string; bytes: number; text: string }[]; bytes: number }>(
      'bundle',
      '--preview',
    )
    expect(preview.files.map(({ name }) => name)).toContain('status.json')
    expect(preview.bytes).toBe(preview.files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0))
    const file = path.join(scratch, 'mine')
    writeFileSync(file, 'kept')
    const refused = await master.run('bundle', '--out', file)
    expect([refused.code, (refused.failure() as { code: string }).code]).toEqual([1, 'conflict'])
    expect(readFileSync(file, 'utf8')).toBe('kept')
  })
})

describe('doctor', () => {
  it('walks the way to the master step by step at a linked edge', async () => {
    const checks = await doctor(edge.run('doctor'))
    for (const id of [
      'link',
      'master-dns',
      'master-tcp',
      'master-tls',
      'master-pin',
      'master-proof',
      'clock-skew',
      'databases',
      'data-directory',
      'controller',
    ])
      expect([id, checks.get(id)?.result, checks.get(id)?.text]).toEqual([id, 'pass', expect.any(String)])
    expect(checks.get('modules')?.result).not.toBe('pass')
    for (const { durationMs } of checks.values()) expect(durationMs).toBeLessThan(4_000)
  })

  it('checks the certificate, the links and the clocks at a master', async () => {
    const checks = await doctor(master.run('doctor'))
    expect(checks.get('certificate')).toMatchObject({ result: 'pass' })
    expect(checks.get('link')).toMatchObject({ result: 'pass', text: '1 of 1 sites are connected.' })
  })

  it('finds a directory that is open to others, and closes it', async () => {
    chmodSync(masterData, 0o755)
    expect((await doctor(master.run('doctor'))).get('data-directory')).toMatchObject({
      result: 'warn',
      isFixable: true,
    })
    expect(await master.ask('doctor', '--fix', 'data-directory')).toMatchObject([{ result: 'pass' }])
    expect(statSync(masterData).mode & 0o777).toBe(0o700)
    const refused = await master.run('doctor', '--fix', 'free-space')
    expect((refused.failure() as { code: string }).code).toBe('refused')
  })

  it('tells that the run before ended in a crash, with and without a controller, and the audit has it', async () => {
    const data = stack.use(dataDirectory('crashed')).dir
    const first = await ControllerProcess.start({ role: 'standalone', data })
    await first.kill()
    await first.hostsGone()
    const offline = await doctor(holdfast(['doctor', '--data', data, '--json']))
    expect(offline.get('last-stop')).toMatchObject({ result: 'warn', says: { key: 'last-stop.unclean' } })
    expect(offline.get('controller')).toMatchObject({ result: 'warn' })
    expect(offline.get('databases')).toMatchObject({ result: 'pass' })
    await using second = await ControllerProcess.start({ role: 'standalone', data })
    expect((await doctor(second.run('doctor'))).get('last-stop')).toMatchObject({ result: 'warn' })
    const items = await second.ask<ActivityItem[]>('activity', 'list', '--kind', 'controller')
    expect(items.map(({ outcome, details }) => [outcome, (details as { lastEnd: string | null }).lastEnd])).toEqual([
      ['started', 'unclean'],
      ['started', null],
    ])
  })

  it('finds a damaged database while no controller runs', async () => {
    const data = stack.use(dataDirectory('damaged')).dir
    const controller = await ControllerProcess.start({ role: 'standalone', data })
    await controller.end()
    const file = path.join(data, 'activity.db')
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4096, Math.min(bytes.length, 4 * 4096))
    writeFileSync(file, bytes)
    const run = await holdfast(['doctor', '--data', data, '--json'])
    expect(run.code).toBe(1)
    expect(byId(run.json() as CheckView[]).get('databases')).toMatchObject({
      result: 'fail',
      text: expect.stringContaining('activity.db'),
    })
  })

  it('leaves no probe behind', () => {
    expect(readdirSync(masterData).filter((name) => name.startsWith('.doctor'))).toEqual([])
    expect(existsSync(path.join(masterData, 'lock.db'))).toBe(true)
  })
})

describe('the activity', () => {
  it('has documents with who changed them, refusals with their code, enrolments, links and decisions', async () => {
    const items = await master.ask<ActivityItem[]>('activity', 'list', '--limit', '500')
    const has = (wanted: Partial<ActivityItem>): void => expect(items).toContainEqual(expect.objectContaining(wanted))
    has({
      kind: 'document',
      op: 'documents.put',
      via: 'cli',
      edgeName: known.site,
      object: { kind: 'edge', id: known.siteId, name: known.site },
    })
    has({ kind: 'document', object: { kind: 'module', id: known.moduleId, name: known.module }, edgeId: known.siteId })
    has({ kind: 'refusal', op: 'edges.show', code: 'not-found', outcome: 'refused', via: 'cli' })
    has({ kind: 'change', op: 'invites.create', outcome: 'done', role: 'admin' })
    has({ kind: 'enrolment', edgeId: known.siteId })
    has({ kind: 'controller', outcome: 'started' })
    for (const secret of [known.password, known.uriPassword]) expect(JSON.stringify(items)).not.toContain(secret)
  })

  it('filters, pages and exports; an edge has its own', async () => {
    const refusals = await master.ask<ActivityItem[]>('activity', 'list', '--kind', 'refusal', '--text', 'vergessene')
    expect(refusals).toMatchObject([{ op: 'edges.show', object: { id: known.typed } }])
    const csv = (await holdfast(['activity', 'export', '--format', 'csv', '--data', masterData])).out
    expect(csv.split('\r\n')[0]).toMatch(/^at,kind,actor/)
    const lines = (await master.run('activity', 'export')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ActivityItem)
    expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length)
    await edge.run('edge', 'force', '--confirm', 'x', '--yes')
    const own = await edge.ask<ActivityItem[]>('activity', 'list')
    expect(own).toContainEqual(expect.objectContaining({ kind: 'controller', outcome: 'started' }))
  })

  it('is still there after the controller was killed', async () => {
    const before = await edge.ask<ActivityItem[]>('activity', 'list', '--limit', '500')
    await edge.kill()
    await edge.hostsGone()
    edge = stack.use(await ControllerProcess.start({ role: 'edge', data: edgeData }))
    const after = await edge.ask<ActivityItem[]>('activity', 'list', '--limit', '500')
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before.map(({ id }) => id)))
  })
})

describe('without the master', () => {
  it('doctor says at which step the way to it ends, and looks no further', async () => {
    await master.end()
    await until('the edge has lost its master', async () => (await edge.status()).link.state === 'lost', 20_000)
    const checks = await doctor(edge.run('doctor'))
    expect(checks.get('link')).toMatchObject({ result: 'fail' })
    expect(checks.get('master-dns')).toMatchObject({ result: 'pass' })
    expect(checks.get('master-tcp')).toMatchObject({ result: 'fail', text: expect.stringContaining('ECONNREFUSED') })
    expect(checks.get('master-tls')).toMatchObject({ result: 'unknown', says: { key: 'step.skipped' } })
    expect(checks.get('master-pin')).toMatchObject({ result: 'unknown' })
  })

  it('the audit of the edge has the lost link', async () => {
    const lost = (): Promise<ActivityItem[]> => edge.ask<ActivityItem[]>('activity', 'list', '--kind', 'link')
    await until('the audit has it', async () => (await lost()).some(({ outcome }) => outcome === 'lost'), 10_000)
  })
})
