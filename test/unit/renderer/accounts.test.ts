import { describe, expect, it } from 'vitest'
import {
  adminsWith,
  isOver,
  rolesUpTo,
  signInsOf,
  siteChangesOf,
  wayInOf,
} from '../../../renderer/features/settings/accounts/accounts'
import { activitySample, userSample } from '../../support/console-samples'

describe('accounts on the page', () => {
  it('say how a user gets in now', () => {
    const user = { ...userSample(), hasPassword: false }
    expect(wayInOf(userSample(), 0)).toBe('password')
    expect(wayInOf(user, 0)).toBe('none')
    expect(wayInOf({ ...user, invitedUntil: 10 }, 9)).toBe('invited')
    expect(wayInOf({ ...user, invitedUntil: 10 }, 10)).toBe('over')
    expect(wayInOf({ ...userSample(), disabled: true }, 0)).toBe('disabled')
  })

  it('change only the sites that differ, and keep whom else a site names', () => {
    expect(siteChangesOf(['berlin', 'porto'], ['porto', 'lyon'])).toEqual([
      { id: 'lyon', isNamed: true },
      { id: 'berlin', isNamed: false },
    ])
    expect(adminsWith({ admins: ['anna', 'kim'] }, 'kim', false)).toEqual(['anna'])
    expect(adminsWith({ admins: ['anna'] }, 'kim', true)).toEqual(['anna', 'kim'])
    expect(adminsWith({ admins: ['kim'] }, 'kim', true)).toEqual(['kim'])
    expect(adminsWith({}, 'kim', true)).toEqual(['kim'])
  })

  it('take the newest sign-in of each user, and no refusal for one', () => {
    const began = { ...activitySample(1), op: 'session.begin', outcome: 'done', actor: 'user:kim' }
    const items = [
      { ...began, lastAt: 5 },
      { ...began, lastAt: 9 },
      { ...began, lastAt: 20, outcome: 'refused' },
      { ...began, lastAt: 30, actor: 'browser:1234' },
      { ...began, lastAt: 40, op: 'edges.restore' },
    ]
    expect([...signInsOf(items)]).toEqual([['kim', 9]])
  })

  it('offer a token no more than its owner may, and know when it is over', () => {
    expect(rolesUpTo('viewer')).toEqual(['viewer'])
    expect(rolesUpTo('admin')).toEqual(['viewer', 'operator', 'admin'])
    expect([null, 10, 11].map((expiresAt) => isOver({ expiresAt }, 10))).toEqual([false, true, false])
  })
})
