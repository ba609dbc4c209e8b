import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import { HoldfastError } from '../../../shared/model/failures'
import { cli } from '../../support/cli-run'
import { useCli } from '../../support/cli-console'

const { run, asked, double, dataDir } = useCli()

/** How each operation is reached from the command line; a text: why it is not, and what does the same. */
const ways: Record<OperationName, readonly string[] | string> = {
  health: 'Told without any right, over HTTP alone: `status` and `doctor` tell more.',
  'status.get': ['status'],
  'edges.list': ['edge', 'list'],
  'edges.show': ['edge', 'show', 'Berlin'],
  'edges.set': ['edge', 'set', 'Berlin', 'timeoutMs=30000'],
  'edges.restore': ['edge', 'restore', 'Berlin'],
  'edges.failover': ['edge', 'failover', 'Berlin'],
  'edges.force': ['edge', 'force', 'Berlin', '--confirm', 'Berlin'],
  'edges.pause': ['edge', 'pause', 'Berlin', '--reason', 'works'],
  'edges.resume': ['edge', 'resume', 'Berlin'],
  'edges.preview': ['edge', 'preview', 'Berlin'],
  'edges.revoke': ['edge', 'revoke', 'Berlin'],
  'edges.rotate': ['edge', 'rotate', 'Berlin'],
  'invites.create': ['invite', '--edge', 'Berlin'],
  'invites.list': ['invites', 'list'],
  'invites.revoke': ['invites', 'revoke', 't1'],
  'decisions.list': ['edge', 'log', 'Berlin'],
  'systems.list': ['system', 'list'],
  'systems.start': ['system', 'start', 's1'],
  'systems.stop': ['system', 'stop', 's1'],
  'inventory.list': ['inventory', 'list'],
  'modules.list': ['module', 'list'],
  'modules.status': ['module', 'status', 'm1'],
  'modules.execute': ['module', 'exec', 'm1', 'power'],
  'documents.apply': ['apply', 'FILE'],
  'documents.export': ['export'],
  'documents.history': ['history', '--limit', '5'],
  'enrolment.join': ['join', 'HF1.sample'],
  'windows.preview': ['edge', 'openings', 'Berlin', '--start', '0 4 * * *', '--length', '2h'],
  'sync.status': ['sync', 'status'],
  'sync.drain': ['sync', 'drain'],
  'sync.deadLetters': ['sync', 'dead-letters', 'list'],
  'sync.retry': ['sync', 'dead-letters', 'retry', '--all'],
  'sync.drop': ['sync', 'dead-letters', 'drop', '1'],
  'telemetry.status': ['data', 'status', 'Berlin'],
  'telemetry.logs': ['data', 'logs', 'Berlin'],
  'telemetry.series': ['data', 'metrics', 'Berlin'],
  'telemetry.points': ['data', 'metrics', 'Berlin', '--series', '1', '--width', 'hour'],
  'telemetry.traces': ['data', 'traces', 'Berlin'],
  'telemetry.spans': ['data', 'traces', 'Berlin', 'abc'],
  'telemetry.alerts': ['data', 'alerts', 'Berlin'],
  'telemetry.losses': ['sync', 'losses'],
  'setup.state': ['setup', 'show'],
  'setup.choose': ['setup', 'choose', 'edge', '--name', 'Berlin'],
  'setup.finish': ['setup', 'finish'],
  'alerts.list': ['alerts', 'list'],
  'alerts.show': ['alerts', 'show', '1'],
  'alerts.acknowledge': ['alerts', 'ack', '1'],
  'alerts.silence': ['alerts', 'silence', '1', '--for', '2h', '--reason', 'works'],
  'alerts.unsilence': ['alerts', 'unsilence', 's1'],
  'alerts.silences': ['alerts', 'silences'],
  'alerts.rules': ['alerts', 'rules', 'list'],
  'alerts.setRule': ['alerts', 'rules', 'set', 'hot', 'threshold=1'],
  'alerts.removeRule': ['alerts', 'rules', 'remove', 'hot'],
  'alerts.preview': ['alerts', 'rules', 'test', 'hot'],
  'channels.list': ['channel', 'list'],
  'channels.save': ['channel', 'set', 'ops', 'enabled=false'],
  'channels.remove': ['channel', 'remove', 'ops'],
  'channels.test': ['channel', 'test', 'ops'],
  'forwarding.status': ['forward', 'status'],
  'forwarding.set': ['forward', 'set', 'main', 'enabled=false'],
  'forwarding.remove': ['forward', 'remove', 'main'],
  'forwarding.retry': ['forward', 'retry', 'main'],
  'forwarding.test': ['forward', 'test', 'main'],
  'settings.get': ['settings', 'list'],
  'settings.set': ['settings', 'set', 'outboxBytesMax', '2GiB'],
  'settings.reset': ['settings', 'reset', 'name'],
  'secrets.list': ['secret', 'list'],
  'secrets.set': ['secret', 'set', 'hall'],
  'secrets.remove': ['secret', 'remove', 'hall'],
  'secrets.keep': ['secret', 'unseal'],
  'nodes.listNodes': ['node', 'list'],
  'nodes.getNode': ['node', 'show', 'web-1'],
  'nodes.addNode': ['node', 'add', 'web-1', '--host', '10.0.0.7'],
  'nodes.updateNode': ['node', 'update', 'web-1', '--pause', 'works'],
  'nodes.removeNode': ['node', 'remove', 'web-1'],
  'nodes.checkNodeStatus': ['node', 'check', 'web-1'],
  'nodes.checkAllNodes': ['node', 'check'],
  'nodes.triggerNodeCheck': ['node', 'check', 'web-1', '--no-wait'],
  'nodes.getCheckHistory': ['node', 'history', 'web-1'],
  'nodes.getUptimeBar': ['node', 'uptime', 'web-1'],
  'nodes.getNodeHealthSummaries': ['node', 'summary'],
  'nodes.listSshKeys': ['node', 'keys'],
  'nodes.getCheckConfig': ['node', 'config'],
  'nodes.setCheckConfig': ['node', 'config', 'intervalMs=60000'],
  'fleet.listNodes': ['fleet', 'list'],
  'fleet.getNode': ['fleet', 'show', 'berlin'],
  'fleet.getSummary': ['fleet', 'summary'],
  'fleet.registerNode': ['fleet', 'register', '10.0.0.7'],
  'fleet.removeNode': ['fleet', 'remove', 'berlin'],
  'fleet.setRole': ['fleet', 'role', 'berlin', 'slave'],
  'fleet.drainNode': ['fleet', 'drain', 'berlin'],
  'diagnostics.checks': ['doctor'],
  'diagnostics.fix': ['doctor', '--fix', 'data-directory'],
  'diagnostics.preview': ['bundle', '--preview'],
  'diagnostics.bundle': ['bundle', '--out', 'BUNDLE'],
  'activity.list': ['activity', 'list'],
  'activity.export': ['activity', 'export'],
  'users.me': ['user', 'me'],
  'users.list': ['user', 'list'],
  'users.add': ['user', 'add', 'Kim'],
  'users.update': ['user', 'set', 'Kim', '--enable'],
  'users.remove': ['user', 'remove', 'Kim'],
  'users.setPassword': ['user', 'password', 'Kim'],
  'users.invite': ['user', 'invite', 'Kim'],
  'tokens.list': ['token', 'list'],
  'tokens.create': ['token', 'create', 'Nightly'],
  'tokens.revoke': ['token', 'revoke', 't1'],
  'sessions.list': ['session', 'list'],
  'sessions.end': ['session', 'end', 's1'],
  'api.show': ['api', 'url'],
  'demo.cable': ['demo', 'cable', 'off'],
  'demo.power': ['demo', 'power', 'on'],
}
const commands = Object.entries(ways).flatMap(([op, argv]) =>
  typeof argv === 'string' ? [] : [[op as OperationName, argv] as const],
)

const preview = { winner: 'edge', rule: 'T1', facts: {}, next: null }

describe('the command line reaches what the page reaches', () => {
  test('every operation of the contract has a way, and hardly any a reason to have none', () => {
    expect(Object.keys(ways).sort()).toEqual(Object.keys(contract).sort())
    expect(Object.entries(ways).flatMap(([op, way]) => (typeof way === 'string' ? [op] : []))).toEqual(['health'])
  })

  test.each(commands)('%s, with one JSON value for --json and nothing beside it', async (op, argv) => {
    const file = path.join(dataDir(), 'parity.yaml')
    await writeFile(file, 'kind: edge\nname: Berlin\ntimeoutMs: 30000\n')
    const places: Record<string, string> = { FILE: file, BUNDLE: path.join(dataDir(), 'parity.zip') }
    const given = argv.map((word) => places[word] ?? word)
    double().answer({ 'edges.preview': () => preview as never })
    // What a person is asked for: a password, a secret.
    const { code, out, err } = await run([...given, '--json'], { answer: 'a sentence nobody guesses' })
    expect(
      asked().map(([name]) => name),
      err,
    ).toContain(op)
    const values = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(values.length).toBeGreaterThan(0)
    expect([0, 1], err).toContain(code)
  })

  test.each(commands)(
    '%s: refused it ends with 1, and tells code and hint as JSON on standard error',
    async (op, argv) => {
      double().answer({
        [op]: () => {
          throw new HoldfastError('storage', 'The disk is full.', { hint: 'Make room.' })
        },
      })
      const file = path.join(dataDir(), 'parity.yaml')
      await writeFile(file, 'kind: edge\nname: Berlin\ntimeoutMs: 30000\n')
      const places: Record<string, string> = { FILE: file, BUNDLE: path.join(dataDir(), 'refused.zip') }
      const given = argv.map((word) => places[word] ?? word)
      const { code, out, err } = await run([...given, '--json'], { answer: 'a sentence nobody guesses' })
      expect([code, out]).toEqual([1, ''])
      expect(JSON.parse(jsonIn(err))).toMatchObject({
        code: 'storage',
        message: 'The disk is full.',
        hint: 'Make room.',
      })
    },
  )

  test('where no controller runs every command says so with 3', async () => {
    for (const [op, argv] of commands) {
      if (['apply', 'export', 'bundle', 'doctor', 'join'].includes(argv[0]!)) continue
      const { code, err } = await cli([...argv, '--json', '--data', '/nonexistent'], {
        answer: 'a sentence nobody guesses',
      })
      expect([op, code, (JSON.parse(jsonIn(err)) as { code: string }).code]).toEqual([op, 3, 'unreachable'])
    }
  })

  test('every command explains itself: a sentence, and a word on each argument and option', async () => {
    for (const words of new Set(commands.map(([, argv]) => JSON.stringify(wordsOf(argv))))) {
      const { code, out } = await cli([...(JSON.parse(words) as string[]), '--help'])
      expect(code, words).toBe(0)
      expect(out, words).toMatch(/^Usage: holdfast [^\n]+\n\n\S[^\n]{9,}/)
      for (const line of out.split('\n').filter((one) => /^ {2}(-|<|\[)?[a-z-]/.test(one)))
        expect(line, words).toMatch(/ {2,}\S|^ {2}\S{20,}/)
    }
  })
})

/** Behind the question for a secret. */
const jsonIn = (text: string): string => text.slice(text.indexOf('{'))

/** The command's own words, without arguments. */
function wordsOf(argv: readonly string[]): string[] {
  const single = new Set(['status', 'invite', 'join', 'apply', 'export', 'history', 'doctor', 'bundle'])
  const deep = argv[1] === 'dead-letters' || argv[1] === 'rules'
  return argv.slice(0, single.has(argv[0]!) ? 1 : deep ? 3 : 2)
}
