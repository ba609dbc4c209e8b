import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import { HoldfastError } from '../../../shared/model/failures'
import { cli, dataDirFor, type CliRunOptions } from '../../support/cli-run'
import {
  AT,
  defaultHandlers,
  decisionSample,
  edgeSample,
  startConsoleDouble,
  statusSample,
  type ConsoleDouble,
} from '../../support/console-double'

let double: ConsoleDouble
let data: Awaited<ReturnType<typeof dataDirFor>>
beforeAll(async () => {
  double = await startConsoleDouble({ first: { status: statusSample() } })
  data = await dataDirFor(double)
})
afterAll(async () => {
  await data[Symbol.asyncDispose]()
  await double[Symbol.asyncDispose]()
})
beforeEach(() => {
  double.answer(defaultHandlers)
  double.calls.length = 0
})

const run = (argv: string[], options?: CliRunOptions) => cli([...argv, '--data', data.dir], options)
const asked = (): [OperationName, unknown][] => double.calls.map(({ op, params }) => [op, params])

describe('a command with --json', () => {
  test.each<[string[], OperationName]>([
    [['status'], 'status.get'],
    [['edge', 'list'], 'edges.list'],
    [['edge', 'show', 'Berlin'], 'edges.show'],
    [['edge', 'log'], 'decisions.list'],
    [['edge', 'set', 'Berlin', 'timeoutMs=30000'], 'edges.set'],
    [['edge', 'restore', 'Berlin'], 'edges.restore'],
    [['edge', 'failover', 'Berlin'], 'edges.failover'],
    [['edge', 'force', 'Berlin', '--confirm', 'Berlin'], 'edges.force'],
    [['edge', 'pause', 'Berlin', '--reason', 'works', '--for', '2h'], 'edges.pause'],
    [['edge', 'rotate', 'Berlin'], 'edges.rotate'],
    [['invite', '--edge', 'Berlin'], 'invites.create'],
    [['invites', 'list'], 'invites.list'],
    [['system', 'list'], 'systems.list'],
    [['system', 'start', 's1'], 'systems.start'],
    [['system', 'stop', 's1'], 'systems.stop'],
    [['module', 'list'], 'modules.list'],
    [['module', 'status', 'm1'], 'modules.status'],
    [['module', 'exec', 'm1', 'power', 'on=true'], 'modules.execute'],
    [['export'], 'documents.export'],
    [['join', 'HF1.code'], 'enrolment.join'],
  ])('%j prints the one value of %s and nothing else', async (argv, op) => {
    const result = await run([...argv, '--json'])
    expect([result.code, result.err]).toEqual([0, ''])
    expect(result.out.trim().split('\n')).toHaveLength(1)
    expect(contract[op].output.safeParse(result.json()).error).toBeUndefined()
    expect(double.calls.at(-1)!.op).toBe(op)
  })

  test.each<[string[]]>([
    [['edge', 'revoke', 'Berlin']],
    [['edge', 'resume']],
    [['invites', 'revoke', 't1']],
    [['console']],
    [['doctor']],
    [['completion', 'bash']],
  ])('%j prints one JSON value', async (argv) => {
    const result = await run([...argv, '--json'])
    expect([result.code, result.err]).toEqual([0, ''])
    expect(() => result.json() as unknown).not.toThrow()
  })

  test('status has the shape others script against', async () => {
    const status = (await run(['status', '--json'])).json()
    expect(status).toMatchObject({ role: 'master', nodeId: 'node-1', name: 'Head office', version: '0.1.0' })
    expect(status.edges[0]).toMatchObject({
      id: 'berlin',
      name: 'Berlin',
      link: { state: 'connected' },
      control: { holder: 'edge', epoch: 3 },
      takeOverAt: null,
    })
    expect(status.edges[0].modules[0]).toMatchObject({ id: 'm1', driver: 'pjlink', state: 'running', connected: true })
  })

  test('tells a refusal as one JSON line on standard error', async () => {
    double.answer({
      'edges.restore': () =>
        Promise.reject(new HoldfastError('busy', 'A hand-over to the master runs.', { retryAfterMs: 500 })),
    })
    const result = await run(['edge', 'restore', 'Berlin', '--json'])
    expect([result.code, result.out]).toEqual([1, ''])
    expect(JSON.parse(result.err)).toMatchObject({
      code: 'busy',
      message: 'A hand-over to the master runs.',
      retryAfterMs: 500,
      hint: expect.any(String),
    })
  })
})

describe('a command for people', () => {
  test('status says who drives, since when, why, and how old everything is', async () => {
    double.answer({
      'status.get': () =>
        ({
          ...statusSample(),
          role: 'edge',
          modules: edgeSample().modules,
          edges: undefined,
          needs: [
            { id: 'n', severity: 'critical', code: 'x', text: 'No device\nanswers', edgeId: null, since: AT - 60_000 },
          ],
        }) as never,
    })
    const { out } = await run(['status'])
    expect(out).toContain('Head office, edge 0.1.0, up 10 min')
    expect(out).toContain('the edge drives since 4 min, epoch 3')
    expect(out).toContain('T3 The restore window is open')
    expect(out).toContain('! No device answers (since 1 min)')
    expect(out).toMatch(/^m1 {2}Module m1 {2}pjlink {2}running {2}connected {2}4 min {2}1 s {3}power=on$/m)
    expect(out).not.toContain('\u001b')
  })

  test('tables align, also with wide characters, and colours come only where they are wanted', async () => {
    double.answer({
      'systems.list': () => [
        { id: 's1', name: '大厅', edgeId: null, modules: [], running: 0 },
        { id: 'second', name: 'x', edgeId: 'e', modules: [], running: 0 },
      ],
    })
    const plain = (await run(['system', 'list'])).out
    expect(plain).toBe('ID      NAME  EDGE      RUNNING\ns1      大厅  (master)  0/0\nsecond  x     e         0/0\n')
    expect((await run(['system', 'list'], { hasColours: true })).out).toContain('\u001b[2m')
  })

  test('what a device answered cannot steer the terminal', async () => {
    double.answer({
      'modules.list': () => [
        { ...edgeSample().modules[0]!, name: 'evil\u001b[2J\nname', status: { text: '\u0007bell' } },
      ],
    })
    const { out } = await run(['module', 'list'])
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })

  test('edge log names rule, winner, actor and the decision id', async () => {
    double.answer({ 'decisions.list': () => [{ ...decisionSample(), contested: { from: AT, to: AT + 2_500 } }] })
    const { out } = await run(['edge', 'log', 'Berlin', '--limit', '5'])
    expect(out).toMatch(/T3 .*edge .*3 .*done .*100 ms .*system .*d1 .*both sides drove for 2 s/)
    expect(asked()).toEqual([['decisions.list', { edge: 'Berlin', limit: 5 }]])
  })

  test('a hand-over that was refused ends with 1 and says why', async () => {
    double.answer({
      'edges.restore': () => ({
        decisionId: 'd9',
        epoch: 4,
        holder: 'master',
        outcome: 'refused',
        detail: 'the edge could not store it',
      }),
    })
    const { code, out } = await run(['edge', 'restore', 'Berlin'])
    expect(code).toBe(1)
    expect(out).toBe('Berlin: refused (the edge could not store it): the master drives, epoch 4, decision d9\n')
  })
})

describe('what is asked of the controller', () => {
  test('edge set sends typed values and shows what differs', async () => {
    const { out } = await run([
      'edge',
      'set',
      'Berlin',
      'timeoutMs=30000',
      'windowStart=0 4 * * *',
      '--create',
      '--dry-run',
    ])
    expect(asked()).toEqual([
      [
        'edges.set',
        { edge: 'Berlin', values: { timeoutMs: 30_000, windowStart: '0 4 * * *' }, create: true, dryRun: true },
      ],
    ])
    expect(out).toBe('~ edge berlin (Berlin)\n    timeoutMs: 20000 -> 30000\n')
  })

  test('switches on an edge need no name; the epoch that was seen can be named', async () => {
    await run(['edge', 'restore'])
    await run(['edge', 'failover', 'Berlin', '--expected-epoch', '3'])
    await run(['edge', 'pause', '--reason', 'works'])
    expect(asked()).toEqual([
      ['edges.restore', {}],
      ['edges.failover', { edge: 'Berlin', expectedEpoch: 3 }],
      ['edges.pause', { reason: 'works', forMs: null }],
    ])
    expect(double.calls[0]!.caller).toMatchObject({ role: 'admin', actor: expect.stringMatching(/^cli:/) })
  })

  test('invite makes the edge first when it is new', async () => {
    let isThere = false
    double.answer({
      'invites.create': (params, caller) => {
        if (!isThere) throw new HoldfastError('not-found', 'There is no edge Hamburg.')
        return defaultHandlers['invites.create'](params, caller)
      },
      'edges.set': (params, caller) => {
        isThere = true
        return defaultHandlers['edges.set'](params, caller)
      },
    })
    const invite = (await run(['invite', '--edge', 'Hamburg', '--json'])).json()
    expect(invite).toMatchObject({ code: 'HF1.sample', expiresAt: AT + 3_600_000 })
    expect(asked().map(([op]) => op)).toEqual(['invites.create', 'edges.set', 'invites.create'])
    expect(asked()[1]![1]).toMatchObject({ edge: 'Hamburg', create: true })
  })

  test('force asks a person for the name of the site, and a script for --confirm', async () => {
    expect((await run(['edge', 'force', 'Berlin'], { answer: ' Berlin ' })).code).toBe(0)
    expect(asked()).toEqual([['edges.force', { edge: 'Berlin', confirm: 'Berlin' }]])
    const script = await run(['edge', 'force', 'Berlin'])
    expect(script.code).toBe(2)
    expect(script.err).toContain('--confirm NAME')
  })

  test('module exec takes parameters as pairs or as one object', async () => {
    await run(['module', 'exec', 'm1', 'input', 'name=hdmi1', '--args', '{"port": 2}'])
    expect(asked()).toEqual([['modules.execute', { module: 'm1', method: 'input', args: { port: 2, name: 'hdmi1' } }]])
    expect((await run(['module', 'exec', 'm1', 'input', '--args', '[1]'])).code).toBe(2)
  })
})

describe('apply and export', () => {
  const parsed = {
    parseDocumentFile: async () => ({ changes: [{ op: 'put', kind: 'edge', body: { id: 'berlin', name: 'Berlin' } }] }),
  }
  const file = async (): Promise<string> => {
    const name = path.join(data.dir, 'site.yaml')
    await writeFile(name, 'edges: []')
    return name
  }

  test('shows the differences, then stores all when the person agrees', async () => {
    const { code, out } = await run(['apply', await file()], { services: parsed, answer: 'yes' })
    expect(code).toBe(0)
    expect(out).toContain('timeoutMs: 20000 -> 30000')
    expect(asked().map(([, params]) => (params as { dryRun: boolean }).dryRun)).toEqual([true, false])
  })

  test.each([
    ['a person who says no', ['apply'], 'n', 1],
    ['--dry-run', ['apply', '--dry-run'], null, 0],
  ])('%s stores nothing', async (_, [command, ...flags], answer, expected) => {
    const { code } = await run([command!, await file(), ...flags], { services: parsed, answer })
    expect(code).toBe(expected)
    expect(asked().map(([, params]) => (params as { dryRun: boolean }).dryRun)).toEqual([true])
  })

  test('a script is not asked', async () => {
    await run(['apply', await file()], { services: parsed })
    await run(['apply', await file(), '--yes'], { services: parsed, answer: 'n' })
    expect(asked().map(([, params]) => (params as { dryRun: boolean }).dryRun)).toEqual([true, false, true, false])
  })

  test('problems are listed with field, value and range, and nothing is asked of the controller', async () => {
    const problems = [
      {
        kind: 'edge',
        id: 'berlin',
        field: 'windowLengthS',
        value: 5,
        allowed: '60..604800',
        message: 'is out of range',
      },
    ]
    const { code, err } = await run(['apply', await file()], {
      services: { parseDocumentFile: async () => ({ problems }) },
    })
    expect(code).toBe(1)
    expect(err).toContain('edge berlin windowLengthS is 5: is out of range (allowed: 60..604800)')
    expect(asked()).toEqual([])
  })

  test('a file that is not there is one clear line', async () => {
    const { code, err } = await run(['apply', '/no/such.yaml'])
    expect([code, err]).toEqual([1, 'error [invalid]: /no/such.yaml does not exist.\nhint: Check the path.\n'])
  })

  test('export writes what the format makes of the documents', async () => {
    const target = path.join(data.dir, 'out.yaml')
    const services = {
      formatDocumentFile: async (documents: readonly { id: string }[]) => `${documents.map(({ id }) => id).join()}\n`,
    }
    expect((await run(['export', '--kind', 'edge'], { services })).out).toBe('berlin\n')
    expect(asked()).toEqual([['documents.export', { kinds: ['edge'] }]])
    expect((await run(['export', '-o', target], { services })).out).toBe('')
    expect(await readFile(target, 'utf8')).toBe('berlin\n')
  })
})

describe('watching', () => {
  test('shows the status again at each change, as one JSON line each, until interrupted', async () => {
    const lines: string[] = []
    const result = await run(['status', '--watch', '--json'], {
      onOut(out, interrupt) {
        lines.splice(0, Infinity, ...out.trim().split('\n'))
        if (lines.length === 1) double.publish('status', { ...statusSample(), name: 'Renamed' })
        else interrupt()
      },
    })
    expect(result.code).toBe(0)
    expect(lines.map((line) => JSON.parse(line).name)).toEqual(['Head office', 'Renamed'])
  })

  test('module debug prints lines as they come', async () => {
    const debugging = run(['module', 'debug', 'm1', '--json'], { onOut: (_, interrupt) => interrupt() })
    while (double.subscribers('debug') === 0) await new Promise((resolve) => setImmediate(resolve))
    double.publish('debug', { lines: [{ at: AT, moduleId: 'm1', level: 'info', text: 'hello' }], dropped: 2 })
    expect(await debugging).toMatchObject({
      code: 0,
      out: `${JSON.stringify({ at: AT, moduleId: 'm1', level: 'info', text: 'hello' })}\n`,
      err: '2 lines were left out.\n',
    })
    while (double.subscribers('debug') > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  test('ends with 3 when the controller goes away', async () => {
    await using other = await startConsoleDouble({ first: { status: statusSample() } })
    await using dir = await dataDirFor(other)
    const result = await cli(['status', '--watch', '--json', '--data', dir.dir], {
      onOut: () => void other.server[Symbol.asyncDispose](),
    })
    expect(result.code).toBe(3)
    expect(JSON.parse(result.err)).toMatchObject({ code: 'unreachable' })
  })
})

describe('without a controller', () => {
  test.each([[['status']], [['edge', 'restore']], [['invite', '--edge', 'x']], [['console']], [['export']]])(
    '%j ends with 3 and says how to start one',
    async (argv) => {
      await using empty = await dataDirFor(null)
      const { code, out, err } = await cli([...argv, '--data', empty.dir])
      expect([code, out]).toEqual([3, ''])
      expect(err).toBe(
        `error [unreachable]: No controller runs on ${empty.dir}.\nhint: Start it: holdfast start --data ${empty.dir}\n`,
      )
    },
  )

  test('files that a killed controller left behind count as no controller', async () => {
    const gone = await startConsoleDouble()
    await using dir = await dataDirFor(gone)
    await gone[Symbol.asyncDispose]()
    expect((await cli(['status', '--data', dir.dir])).code).toBe(3)
    expect((await cli(['console', '--data', dir.dir])).code).toBe(3)
    await writeFile(path.join(dir.dir, 'controller.json'), '{broken')
    expect((await cli(['status', '--data', dir.dir])).code).toBe(3)
  })

  test('a controller that does not know the key is not "not running"', async () => {
    await using dir = await dataDirFor(double)
    await writeFile(path.join(dir.dir, 'console.key'), 'another\n')
    const { code, err } = await cli(['status', '--data', dir.dir])
    expect(code).toBe(1)
    expect(err).toContain('[unauthenticated]')
  })

  test('join is done in the data directory', async () => {
    await using empty = await dataDirFor(null)
    const joinOffline = async (options: object) => ({
      edgeId: 'e',
      edgeName: 'Berlin',
      masterUrl: JSON.stringify(options),
    })
    const joined = (
      await cli(['join', 'HF1.code', '--replace', '--json', '--data', empty.dir], { services: { joinOffline } })
    ).json()
    expect(JSON.parse(joined.masterUrl)).toEqual({ code: 'HF1.code', dataDir: empty.dir, replace: true })
  })

  test('HOLDFAST_DATA names the directory, --data wins', async () => {
    expect((await cli(['status', '--json'], { env: { HOLDFAST_DATA: data.dir } })).code).toBe(0)
    expect((await cli(['status', '--data', '/nonexistent'], { env: { HOLDFAST_DATA: data.dir } })).err).toContain(
      '/nonexistent',
    )
  })

  test('doctor finds an unusable data directory and ends with 1', async () => {
    await using dir = await dataDirFor(null)
    const file = path.join(dir.dir, 'file')
    await writeFile(file, '')
    const { code, out } = await cli(['doctor', '--json', '--data', file])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ id: 'data-directory', result: 'fail' }))
    await rm(file)
    expect((await cli(['doctor', '--json', '--data', file])).code).toBe(0)
  })
})

describe('start', () => {
  const options = [
    'start',
    '--headless',
    '--role',
    'edge',
    '--console-port',
    '0',
    '--link-port',
    '7500',
    '--name',
    'Berlin',
    '--master-url',
    'wss://a:1',
    'wss://b:2',
  ]

  test('hands the options over, prints the link and ends as the controller ends', async () => {
    let given: unknown
    const ended = Promise.withResolvers<number>()
    const startController = async (start: object) => {
      given = start
      return { stop: async () => ended.resolve(0), consoleUrl: 'http://127.0.0.1:7420/#key=k', ended: ended.promise }
    }
    const result = await run([...options, '--json'], {
      services: { startController },
      onOut: (_, interrupt) => interrupt(),
    })
    expect(result.code).toBe(0)
    expect(result.json()).toMatchObject({ consoleUrl: 'http://127.0.0.1:7420/#key=k', dataDir: data.dir })
    expect(given).toMatchObject({
      role: 'edge',
      consolePort: 0,
      linkPort: 7500,
      name: 'Berlin',
      masterUrls: ['wss://a:1', 'wss://b:2'],
      headless: true,
      dataDir: data.dir,
    })
  })

  test('an expected failure is one clear line with a hint and exit code 1', async () => {
    const startController = () =>
      Promise.reject(
        new HoldfastError('conflict', 'Port 7420 on 127.0.0.1 is taken by another program.', {
          hint: 'Choose another one.',
        }),
      )
    const { code, err } = await run(['start'], { services: { startController } })
    expect([code, err]).toEqual([
      1,
      'error [conflict]: Port 7420 on 127.0.0.1 is taken by another program.\nhint: Choose another one.\n',
    ])
  })
})
