import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../../../shared/model/failures'
import { useCli } from '../../support/cli-console'
import { defaultHandlers } from '../../support/console-answers'
import { AT } from '../../support/console-samples'

const { run, asked, double, dataDir } = useCli()

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
    expect(double().calls[0]!.caller).toMatchObject({ role: 'admin', actor: expect.stringMatching(/^cli:/) })
  })

  test('invite makes the edge first when it is new', async () => {
    let isThere = false
    double().answer({
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
  /** `dryRun` of each apply that was asked for. */
  const applied = () =>
    asked().flatMap(([op, params]) => (op === 'documents.apply' ? [(params as { dryRun: boolean }).dryRun] : []))
  const file = async (text = 'kind: edge\nname: Berlin\ntimeoutMs: 30000\n'): Promise<string> => {
    const name = path.join(dataDir(), 'site.yaml')
    await writeFile(name, text)
    return name
  }

  test('shows the differences, then stores all when the person agrees', async () => {
    const { code, out } = await run(['apply', await file()], { answer: 'yes' })
    expect(code).toBe(0)
    expect(out).toContain('timeoutMs: 20000 -> 30000')
    expect(applied()).toEqual([true, false])
  })

  test.each([
    ['a person who says no', ['apply'], 'n', 1],
    ['--dry-run', ['apply', '--dry-run'], null, 0],
  ])('%s stores nothing', async (_, [command, ...flags], answer, expected) => {
    const { code } = await run([command!, await file(), ...flags], { answer })
    expect(code).toBe(expected)
    expect(applied()).toEqual([true])
  })

  test('a script is not asked', async () => {
    await run(['apply', await file()])
    await run(['apply', await file(), '--yes'], { answer: 'n' })
    expect(applied()).toEqual([true, false, true, false])
  })

  test('what is too large for one step is refused before anything is stored, and with --parts stored in order, step by step', async () => {
    // A token may send a megabyte at once.
    const env = { HOLDFAST_TOKEN: double().key }
    const note = 'x'.repeat(1_900)
    const documents = Array.from({ length: 900 }, (_, n) => [
      `---\nkind: system\nid: s${n}\nname: S ${n}\nedgeId: e${n}\nmodules: []\n`,
      `---\nkind: edge\nid: e${n}\nname: E ${n}\ndescription: ${note}\n`,
    ]).flat()
    const large = await file(documents.join(''))
    const refused = await run(['apply', large], { env })
    expect([refused.code, applied()]).toEqual([1, []])
    expect(refused.err).toMatch(/too large to be stored whole; nothing was stored[^]*--parts stores it in 2 steps/)
    const { out, code } = await run(['apply', large, '--parts', '--json'], { env })
    expect([code, JSON.parse(out)]).toMatchObject([0, { stored: 1_800, total: 1_800, steps: 2 }])
    const kinds = asked().flatMap(([op, params]) =>
      op === 'documents.apply' ? (params as { changes: { kind: string }[] }).changes.map(({ kind }) => kind) : [],
    )
    expect(kinds.lastIndexOf('edge')).toBeLessThan(kinds.indexOf('system'))
    let steps = 0
    double().answer({
      'documents.apply': (params, caller) => {
        if (++steps === 2) throw new HoldfastError('conflict', 'The system was changed meanwhile.')
        return defaultHandlers['documents.apply'](params, caller)
      },
    })
    const stopped = await run(['apply', large, '--parts', '--json'], { env })
    expect([stopped.code, JSON.parse(stopped.err)]).toMatchObject([
      1,
      { code: 'conflict', message: expect.stringMatching(/^Step 2 of 2: /), details: { total: 1_800 } },
    ])
    expect(JSON.parse(stopped.err).details.stored).toBeGreaterThan(0)
  })

  test('problems are listed with place, field, value and range, and nothing is stored', async () => {
    const { code, err } = await run(['apply', await file('kind: edge\nname: Berlin\nwindowLengthS: 5\n')])
    expect(code).toBe(1)
    expect(err).toMatch(/^ {2}line 3:\d+: edge berlin windowLengthS is 5: .*60\.\.604800/m)
    expect(applied()).toEqual([])
  })

  test('a file that is not there is one clear line', async () => {
    const { code, err } = await run(['apply', '/no/such.yaml'])
    expect([code, err]).toEqual([1, 'error [invalid]: /no/such.yaml does not exist.\nhint: Check the path.\n'])
  })

  test('export writes what apply takes back as no change of the names', async () => {
    const target = path.join(dataDir(), 'out.yaml')
    const { out } = await run(['export', '--kind', 'edge'])
    expect(out).toContain('kind: edge\nid: berlin\nname: Berlin\n')
    expect(asked()).toEqual([['documents.export', { kinds: ['edge'] }]])
    expect((await run(['export', '-o', target])).out).toBe('')
    expect(await readFile(target, 'utf8')).toBe(out)
    await run(['apply', target, '--dry-run'])
    expect(asked().at(-1)).toMatchObject([
      'documents.apply',
      { changes: [{ op: 'put', kind: 'edge', body: { id: 'berlin', name: 'Berlin' } }] },
    ])
  })
})
