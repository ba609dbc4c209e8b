import { describe, expect, test } from 'vitest'
import { operations as contract } from '../../../shared/console/contract'
import { statusSample } from '../../support/console-samples'
import { useCli } from '../../support/cli-console'

const { run, asked, double } = useCli()

describe('users and tokens', () => {
  test('user add asks for an invitation and prints its link below the address of the console', async () => {
    const { out, code } = await run(['user', 'add', 'Kim', '--role', 'operator'])
    expect(code).toBe(0)
    expect(asked()).toEqual([
      ['users.add', { name: 'Kim', role: 'operator' }],
      ['users.invite', { user: 'kim' }],
      ['status.get', {}],
    ])
    expect(out).toContain(`${double().server.url}#invite=k1\n`)
  })

  test('where other machines reach the console, invitations lead there', async () => {
    double().answer({ 'status.get': () => ({ ...statusSample(), consoleUrl: 'https://holdfast.example:7421/' }) })
    const { out } = await run(['user', 'invite', 'Kim'])
    expect(out).toMatch(/^https:\/\/holdfast\.example:7421\/#invite=k1\n/)
    expect((await run(['status'])).out).toMatch(/console +https:\/\/holdfast\.example:7421\/\n/)
  })

  test('user set, invite and remove say whom they mean; contradictions are not sent', async () => {
    await run(['user', 'set', 'Kim', '--name', 'Kim Berg', '--disable'])
    await run(['user', 'invite', 'Kim'])
    await run(['user', 'remove', 'Kim'])
    expect((await run(['user', 'set', 'Kim', '--disable', '--enable'])).code).toBe(2)
    expect((await run(['user', 'set', 'Kim', '--role', 'king'])).code).toBe(2)
    expect(asked()).toEqual([
      ['users.update', { user: 'Kim', name: 'Kim Berg', disabled: true }],
      ['users.invite', { user: 'Kim' }],
      ['status.get', {}],
      ['users.remove', { user: 'Kim' }],
    ])
  })

  test('a password comes from standard input, is in no output, and too short a one is not sent', async () => {
    const password = 'a sentence nobody guesses'
    const { code, out, err } = await run(['user', 'password', 'Kim', '--json'], { answer: password })
    expect([code, JSON.parse(out)]).toEqual([0, { user: 'Kim' }])
    expect(out + err).not.toContain(password)
    expect((await run(['user', 'password', 'Kim'], { answer: 'short' })).code).toBe(2)
    expect((await run(['user', 'password', 'Kim'], { answer: null })).code).toBe(2)
    await run(['user', 'add', 'Ann', '--password', '--json'], { answer: password })
    expect(asked()).toEqual([
      ['users.setPassword', { user: 'Kim', password }],
      ['users.add', { name: 'Ann', role: 'viewer', password }],
    ])
  })

  test('every command for users and tokens gives one JSON value with --json', async () => {
    const commands = [
      ['user', 'add', 'Kim'],
      ['user', 'list'],
      ['user', 'set', 'Kim', '--enable'],
      ['user', 'invite', 'Kim'],
      ['user', 'remove', 'Kim'],
      ['user', 'me'],
      ['token', 'create', 'Nightly'],
      ['token', 'list', '--all'],
      ['token', 'revoke', 't1'],
      ['session', 'list', '--all'],
      ['session', 'end', 's1'],
    ]
    for (const command of commands) {
      const { code, json } = await run([...command, '--json'])
      expect([code, typeof json()], command.join(' ')).toEqual([0, 'object'])
    }
    // With the password above, every operation of these subjects.
    const named = new Set([...asked().map(([op]) => op), 'users.setPassword'])
    const due = Object.keys(contract).filter((op) => /^(users|tokens|sessions)\./.test(op))
    expect(due.filter((op) => !named.has(op as never))).toEqual([])
  })

  test('lists are tables, and one JSON value with --json', async () => {
    expect((await run(['user', 'list'])).out).toMatch(/^NAME +ID +ROLE[^\n]*\nKim +kim +viewer +active +Berlin +1\n$/)
    expect((await run(['token', 'list'])).out).toMatch(/Nightly +t1 +Kim +viewer +\S+ \S+ +until it is revoked/)
    expect(JSON.parse((await run(['token', 'list', '--json'])).out)).toMatchObject([{ tokenId: 't1' }])
    expect(asked().filter(([op]) => op === 'tokens.list')).toEqual([
      ['tokens.list', { all: true }],
      ['tokens.list', { all: true }],
    ])
  })

  test('a token is shown once, and revoked by its id', async () => {
    const { out } = await run(['token', 'create', 'Nightly', '--user', 'kim', '--role', 'viewer', '--valid-for', '90d'])
    expect(out).toMatch(/^hft_shown-once\n/)
    await run(['token', 'revoke', 't1'])
    expect(asked()).toEqual([
      ['tokens.create', { user: 'kim', name: 'Nightly', role: 'viewer', validForMs: 90 * 86_400_000 }],
      ['tokens.revoke', { tokenId: 't1' }],
    ])
  })
})
