import { describe, expect, test } from 'vitest'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import { HoldfastError } from '../../../shared/model/failures'
import { useCli } from '../../support/cli-console'
import { AT, decisionSample, edgeSample, statusSample } from '../../support/console-samples'

const { run, asked, double } = useCli()

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
    expect(contract[op].output!.safeParse(result.json()).error).toBeUndefined()
    expect(double().calls.at(-1)!.op).toBe(op)
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
    double().answer({
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
    double().answer({
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
    expect(out).toContain('T3: The restore window is open')
    expect(out).toContain('! No device answers (since 1 min)')
    expect(out).toMatch(/^m1 {2}Module m1 {2}pjlink {2}running {2}connected {2}4 min {2}1 s {3}power=on$/m)
    expect(out).not.toContain('\u001b')
  })

  test('says of a draining node that the master drives its site until it is undrained', async () => {
    const control = { ...edgeSample().control, holder: 'master', rule: 'fail-over' } as const
    const draining = { ...edgeSample(), control, draining: true }
    double().answer({
      'edges.show': () => ({ view: draining, document: { id: 'berlin', name: 'Berlin' }, revision: 7 }),
      'status.get': () => ({ ...statusSample(), edges: [draining, { ...draining, draining: false }] }),
    })
    expect((await run(['edge', 'show', 'Berlin'])).out).toMatch(
      /why +fail-over: Someone moved control to the master\. The node of this edge is draining: control stays with the master until it is undrained\./,
    )
    const rows = (await run(['status'])).out.split('\n').filter((line) => line.includes('the master drives'))
    expect(rows.map((row) => / draining/.test(row))).toEqual([true, false])
  })

  test('tables align, also with wide characters, and colours come only where they are wanted', async () => {
    double().answer({
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
    double().answer({
      'modules.list': () => [
        { ...edgeSample().modules[0]!, name: 'evil\u001b[2J\nname', status: { text: '\u0007bell' } },
      ],
    })
    const { out } = await run(['module', 'list'])
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })

  test('edge log names rule, winner, actor and the decision id', async () => {
    double().answer({ 'decisions.list': () => [{ ...decisionSample(), contested: { from: AT, to: AT + 2_500 } }] })
    const { out } = await run(['edge', 'log', 'Berlin', '--limit', '5'])
    expect(out).toMatch(/T3 .*edge .*3 .*done .*100 ms .*system .*d1 .*both sides drove for 2 s/)
    expect(asked()).toEqual([['decisions.list', { edge: 'Berlin', limit: 5 }]])
  })

  test('a hand-over that was refused ends with 1 and says why', async () => {
    double().answer({
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
