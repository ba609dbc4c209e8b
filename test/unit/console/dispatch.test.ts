import { describe, expect, test } from 'vitest'
import { createDispatch, presentable, type AuditEntry } from '../../../electron/console/dispatch'
import type { Operations } from '../../../electron/console/operations'
import { operations as contract, topics, type OperationName } from '../../../shared/console/contract'
import { roles, type Role } from '../../../shared/console/operation'
import { allows } from '../../../shared/console/permission'
import { HoldfastError } from '../../../shared/model/failures'
import { monoMs, wallMs } from '../../../shared/model/time'
import { defaultHandlers } from '../../support/console-answers'
import { expected, params } from '../../support/operation-rules'

function build(handlers: Partial<Operations['handlers']> = {}, concernedBy?: Operations['concernedBy']) {
  const audit: AuditEntry[] = []
  const reached: string[] = []
  const all = { ...defaultHandlers, 'edges.preview': () => ({}) as never, ...handlers }
  const counted = Object.fromEntries(
    Object.entries(all).map(([op, handler]) => [
      op,
      (...args: unknown[]) => {
        reached.push(op)
        return (handler as (...args: unknown[]) => unknown)(...args)
      },
    ]),
  )
  const log = { log: () => {}, child: () => log }
  const clock = { mono: () => monoMs(0), wall: () => wallMs(5), at: () => ({ [Symbol.dispose]() {} }) }
  const operations = { handlers: counted, topics: { subscribe: () => () => {} }, concernedBy } as unknown as Operations
  return { audit, reached, dispatch: createDispatch({ operations, clock, log, audit: (entry) => audit.push(entry) }) }
}

const pairs = (Object.keys(contract) as OperationName[]).flatMap((op) => roles.map((role) => [op, role] as const))

describe('dispatch', () => {
  test('the table of rules written here names exactly the operations of the contract', () => {
    expect(Object.keys(contract).sort()).toEqual(Object.keys(expected).sort())
    for (const [op, rule] of Object.entries(contract)) {
      const naming = rule.edgeOf === null ? [] : [rule.edgeOf]
      expect([rule.role, rule.changes ? 'changes' : 'reads', ...naming], op).toEqual(expected[op as OperationName])
    }
  })

  test.each(pairs)('%s called as %s is let through or refused as its least role says', async (op, role) => {
    const { dispatch, reached, audit } = build()
    const result = await dispatch.call(op, params[op], { actor: 'someone', role })
    const isAllowed = roles.indexOf(role) >= roles.indexOf(expected[op][0])
    expect(result.ok).toBe(isAllowed)
    expect(reached).toEqual(isAllowed ? [op] : [])
    if (!result.ok) expect(result.code).toBe(role === 'anonymous' ? 'unauthenticated' : 'forbidden')
    expect(audit.map((entry) => entry.outcome)).toEqual(
      isAllowed ? (expected[op][1] === 'changes' ? ['done'] : []) : ['refused'],
    )
  })

  test('whoever may change something as a viewer may change what is the own alone; whatever operates an edge names it', () => {
    const byViewers = Object.entries(contract).filter(([, { role, changes }]) => changes && !allows(role, 'operator'))
    expect(byViewers.map(([op]) => op)).toEqual(['users.setPassword', 'tokens.create', 'tokens.revoke', 'sessions.end'])
    // A silence and a group of alerts may be about no edge, or about all, a node of the fleet about none: what answers for them looks at each.
    const found = Object.entries(contract).filter(([, { edgeOf }]) => edgeOf === 'found')
    expect(found.map(([op]) => op).toSorted()).toEqual([
      ...['alerts.acknowledge', 'alerts.silence', 'alerts.unsilence'],
      ...['fleet.drainNode', 'fleet.removeNode', 'fleet.setRole'],
    ])
    for (const [op, { role, changes, edgeOf, input }] of Object.entries(contract)) {
      if (role !== 'operator' || !changes || edgeOf === 'found') continue
      const named = (['edge', 'module', 'system'] as const).find((name) => name in input.shape) ?? null
      expect(edgeOf, op).toBe(named)
    }
  })

  const open = { id: 'open', name: 'Open', admins: [] }
  const closed = { id: 'closed', name: 'Closed', admins: ['kim'] }
  const whom = { open: [open], closed: [closed], both: [open, closed], master: [null] } as const
  /** Per role and whether the login is `kim`, an admin of `closed`: what may be operated. */
  const operated: readonly [Role, string | undefined, (keyof typeof whom)[]][] = [
    ['anonymous', undefined, []],
    ['viewer', undefined, []],
    ['viewer', 'kim', ['closed']],
    ['viewer', 'ann', []],
    ['operator', undefined, ['open', 'master']],
    ['operator', 'ann', ['open', 'master']],
    ['operator', 'kim', ['open', 'closed', 'both', 'master']],
    ['admin', undefined, ['open', 'closed', 'both', 'master']],
  ]
  const operating = (Object.keys(expected) as OperationName[]).filter(
    (op) => expected[op][2] !== undefined && expected[op][2] !== 'found',
  )
  test.each(operating.flatMap((op) => operated.map((row) => [op, ...row] as const)))(
    '%s as %s %s goes through where the admins of the edge allow it: %j',
    async (op, role, edgeAdminAs, allowed) => {
      for (const [place, edges] of Object.entries(whom)) {
        const { dispatch, reached, audit } = build({}, () => edges)
        const result = await dispatch.call(op, params[op], { actor: 'user:someone', role, edgeAdminAs })
        const isAllowed = (allowed as string[]).includes(place)
        expect([place, result.ok]).toEqual([place, isAllowed])
        expect(reached).toEqual(isAllowed ? [op] : [])
        expect(audit).toMatchObject([{ op, outcome: isAllowed ? 'done' : 'refused', actor: 'user:someone' }])
      }
    },
  )

  const finding = (Object.keys(expected) as OperationName[]).filter((op) => expected[op][2] === 'found')
  test.each(finding.flatMap((op) => operated.map(([role, as]) => [op, role, as] as const)))(
    '%s as %s %s is heard by what finds the edges where the role says so, or an edge has this admin',
    async (op, role, edgeAdminAs) => {
      for (const [place, edges] of Object.entries(whom)) {
        const { dispatch, reached, audit } = build({}, () => edges)
        const result = await dispatch.call(op, params[op], { actor: 'user:someone', role, edgeAdminAs })
        const isAdminOfOne = edgeAdminAs === 'kim' && ['closed', 'both'].includes(place)
        const isHeard = allows(role, 'operator') || (role === 'viewer' && isAdminOfOne)
        expect([place, result.ok]).toEqual([place, isHeard])
        expect(reached).toEqual(isHeard ? [op] : [])
        expect(audit).toMatchObject([{ op, outcome: isHeard ? 'done' : 'refused', actor: 'user:someone' }])
      }
    },
  )

  test('whoever stops being an admin of the edge hears no more of it, and that is said once', () => {
    let edge = closed
    let tell: (body: unknown) => void = () => {}
    const audit: AuditEntry[] = []
    const operations = {
      handlers: {},
      topics: { subscribe: (_: string, __: unknown, listener: typeof tell) => ((tell = listener), () => {}) },
      concernedBy: () => [edge],
    } as unknown as Operations
    const log = { log: () => {}, child: () => log }
    const clock = { mono: () => monoMs(0), wall: () => wallMs(5), at: () => ({ [Symbol.dispose]() {} }) }
    const dispatch = createDispatch({ operations, clock, log, audit: (entry) => audit.push(entry) })
    const heard: unknown[] = []
    const caller = { actor: 'user:kim', role: 'viewer', edgeAdminAs: 'kim' } as const
    dispatch.subscribe(
      'debug',
      { module: 'm1' },
      caller,
      (body) => heard.push(body),
      ({ code }) => heard.push(code),
    )
    tell('one')
    edge = { ...closed, admins: ['ann'] }
    tell('two')
    tell('three')
    expect(heard).toEqual(['one', 'forbidden'])
    expect(audit).toMatchObject([{ op: 'debug', outcome: 'refused', actor: 'user:kim' }])
  })

  test.each(Object.keys(topics))('the topic %s is refused below its least role', (topic) => {
    const { dispatch } = build()
    const least = topics[topic as keyof typeof topics].role
    for (const role of roles) {
      const result = dispatch.subscribe(
        topic,
        topic === 'debug' ? { module: 'm1' } : topic === 'points' ? { series: [1] } : {},
        { actor: 'someone', role },
        () => {},
      )
      expect(result.ok, role).toBe(allows(role, least))
    }
  })

  test('names from the prototype are no operations', async () => {
    const { dispatch } = build()
    for (const name of ['__proto__', 'constructor', 'toString', 'no.such'])
      expect(await dispatch.call(name, {}, { actor: 'a', role: 'admin' })).toMatchObject({
        ok: false,
        code: 'not-found',
      })
  })

  test('bad parameters are refused with the field, and never reach the operation', async () => {
    const { dispatch, reached } = build()
    const result = await dispatch.call('edges.pause', { reason: '', forMs: 5 }, { actor: 'a', role: 'admin' })
    expect(result).toMatchObject({ ok: false, code: 'invalid', message: expect.stringContaining('reason') })
    expect(result).toHaveProperty('details.1.field', 'forMs')
    expect(reached).toEqual([])
  })

  test('a typed refusal keeps its code, hint and details; anything else thrown says internal', async () => {
    const refuse = new HoldfastError('busy', 'A hand-over runs.', { hint: 'Wait.', retryAfterMs: 500 })
    const { dispatch, audit } = build({
      'edges.restore': () => Promise.reject(refuse),
      'edges.failover': () => {
        throw new TypeError('x is not a function')
      },
    })
    const caller = { actor: 'cli:root', role: 'admin' } as const
    expect(await dispatch.call('edges.restore', {}, caller)).toEqual({
      ok: false,
      code: 'busy',
      message: 'A hand-over runs.',
      hint: 'Wait.',
      retryAfterMs: 500,
    })
    expect(await dispatch.call('edges.failover', {}, caller)).toMatchObject({ ok: false, code: 'internal' })
    expect(audit).toMatchObject([
      { op: 'edges.restore', actor: 'cli:root', outcome: 'refused', failure: { code: 'busy' }, at: 5 },
      { op: 'edges.failover', outcome: 'refused', failure: { code: 'internal' } },
    ])
  })

  test('the audit says what somebody whose role is too low asked for, where that is a request at all', async () => {
    const { dispatch, reached, audit } = build()
    const ask = (op: string, asked: unknown, role: Role) => dispatch.call(op, asked, { actor: 'user:vera', role })
    await ask('edges.revoke', { edge: 'berlin', stray: 'not of this request' }, 'viewer')
    await ask('edges.revoke', { edge: ['x'.repeat(10_000)] }, 'viewer')
    await ask('edges.revoke', { edge: 'berlin' }, 'anonymous')
    await ask('users.setPassword', { user: 'kim', password: 'correct horse battery' }, 'anonymous')
    await ask('secrets.set', { name: 'hall', secretValue: 'correct horse battery' }, 'viewer')
    expect(reached).toEqual([])
    expect(audit.map(({ params, outcome }) => [outcome, params])).toEqual([
      ['refused', { edge: 'berlin', reason: '' }],
      ...[null, null, null].map((params) => ['refused', params]),
      ['refused', { name: 'hall', secretValue: '[secret]' }],
    ])
  })

  test('the audit shows no secrets and no bulk', async () => {
    const { dispatch, audit } = build()
    await dispatch.call('enrolment.join', { code: 'HF1.very-secret' }, { actor: 'a', role: 'admin' })
    await dispatch.call('nodes.addNode', params['nodes.addNode'], { actor: 'a', role: 'admin' })
    expect(JSON.stringify(audit)).not.toMatch(/very-secret|too/)
    expect(
      presentable({
        tokenId: 't1',
        password: 'p',
        long: 'x'.repeat(5_000),
        list: Array.from({ length: 100 }, () => 0),
      }),
    ).toEqual({
      tokenId: 't1',
      password: '[secret]',
      long: `${'x'.repeat(200)}…`,
      list: [...Array.from({ length: 20 }, () => 0), '… 80 more'],
    })
  })
})
