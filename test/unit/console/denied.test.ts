import { expect, test } from 'vitest'
import { createDispatch, type AuditEntry } from '../../../electron/console/dispatch'
import type { Operations } from '../../../electron/console/operations'
import { operations as contract, type OperationName } from '../../../shared/console/contract'
import { roles, type Role } from '../../../shared/console/operation'
import { defaultHandlers } from '../../support/console-answers'
import { manualClock } from '../../support/console-clock'
import { capturedLog } from '../../support/link'

const callers = roles.map((role) => ({ actor: `user:${role}`, role, userId: role, edgeAdminAs: role }))

function place(admins: string[] | null) {
  const audited: AuditEntry[] = []
  const operations = {
    handlers: defaultHandlers,
    topics: { subscribe: () => () => {} },
    ...(admins && { concernedBy: () => [{ id: 'berlin', name: 'Berlin', admins }] }),
  } as unknown as Operations
  const audit = (entry: AuditEntry): void => void audited.push(entry)
  return { audited, ...createDispatch({ operations, clock: manualClock(), log: capturedLog().logger, audit }) }
}

test.each(Object.keys(contract) as OperationName[])(
  '%s is denied beforehand to exactly those whose call would be, and that is audited',
  async (op) => {
    for (const admins of [null, [], ['viewer']])
      for (const caller of callers) {
        const { denied, call, audited } = place(admins)
        const before = denied(op, {}, caller)
        expect(audited.map(({ outcome }) => outcome)).toEqual(before === null ? [] : ['refused'])
        const called = await call(op, {}, caller)
        const isDenied = !called.ok && ['forbidden', 'unauthenticated'].includes(called.code)
        // Parameters that say too little are refused after the role and before the admins of an edge are looked at.
        if (before === null || isDenied) expect(before !== null).toBe(isDenied)
        else expect(called).toMatchObject({ ok: false, code: 'invalid' })
      }
  },
)

test('who may is written down a second time for those who operate an edge by its own admins', () => {
  const { denied } = place(['viewer'])
  const may = (role: Role) =>
    denied(
      'modules.execute',
      { module: 'm1' },
      callers.find((one) => one.role === role)!,
    ) === null
  expect(roles.filter(may)).toEqual(['viewer', 'admin'])
})
