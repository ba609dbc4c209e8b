import { describe, expect, test } from 'vitest'
import { duration, pairs, port } from '../../../electron/cli/values'
import { cli } from '../../support/cli-run'

describe('arguments', () => {
  test.each([
    [[]],
    [['fly']],
    [['status', '--no-such-option']],
    [['status', 'too', 'many']],
    [['join']],
    [['invite']],
    [['invite', '--edge']],
    [['edge']],
    [['edge', 'fly']],
    [['edge', 'show']],
    [['edge', 'set', 'Berlin', 'novalue']],
    [['edge', 'pause', 'Berlin']],
    [['edge', 'pause', 'Berlin', '--reason', 'r', '--for', 'soon']],
    [['start', '--role', 'king']],
    [['start', '--console-port', '70000']],
    [['start', '--link-port', 'x']],
    [['module', 'exec', 'm1']],
    [['apply']],
    [['completion', 'powershell']],
    [['export', '--kind', 'user']],
    [['invite', '--edge', 'x', '--valid', '5']],
    [['sync', 'drain', '--limit', '0']],
    [['sync', 'dead-letters', 'retry']],
    [['sync', 'dead-letters', 'drop', '1', '--all']],
    [['sync', 'dead-letters', 'drop', 'x']],
    [['activity', 'list', '--kind', 'gossip']],
    [['activity', 'export', '--format', 'pdf']],
    [['doctor', '--fix', 'x', '--deep']],
    [['data', 'logs', '--severity', 'loud']],
    [['data', 'logs', '--since', 'yesterday']],
  ])('%j is a usage error: exit code 2, told on standard error only', async (argv) => {
    const run = await cli([...argv, ...(argv.length > 1 ? ['--data', '/nonexistent'] : [])])
    expect([run.code, run.out]).toEqual([2, ''])
    expect(run.err).not.toBe('')
  })

  test('help and version are answers, not errors', async () => {
    const help = await cli(['--help'])
    expect([help.code, help.err]).toEqual([0, ''])
    for (const name of [
      'start',
      'status',
      'join',
      'invite',
      'invites',
      'edge',
      'system',
      'module',
      'sync',
      'data',
      'apply',
      'export',
      'console',
      'activity',
      'doctor',
      'bundle',
      'completion',
    ])
      expect(help.out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'))
    expect(await cli(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' })
    expect((await cli(['edge', '--help'])).out).toMatch(
      /list[^]*show[^]*log[^]*preview[^]*set[^]*rotate[^]*revoke[^]*restore[^]*failover[^]*force[^]*pause[^]*resume/,
    )
  })

  test('every command takes --json and --data', async () => {
    for (const path of [
      'start',
      'status',
      'join',
      'invite',
      'invites list',
      'edge restore',
      'system stop',
      'module debug',
      'sync status',
      'sync drain',
      'sync dead-letters export',
      'data logs',
      'apply',
      'export',
      'console',
      'activity list',
      'activity export',
      'doctor',
      'bundle',
      'completion',
    ]) {
      const { out } = await cli([...path.split(' '), '--help'])
      expect(out, path).toContain('--json')
      expect(out, path).toContain('--data <dir>')
    }
  })

  test('values are JSON where they parse as such, else text', () => {
    expect(
      pairs([
        'timeoutMs=30000',
        'failover=false',
        'windowStart=0 4 * * *',
        'admins=["kim"]',
        'gone=null',
        'name="7"',
        'empty=',
        'a=b=c',
        '__proto__=1',
      ]),
    ).toEqual(
      JSON.parse(
        '{"timeoutMs":30000,"failover":false,"windowStart":"0 4 * * *","admins":["kim"],"gone":null,"name":"7","empty":"","a":"b=c","__proto__":1}',
      ),
    )
    expect(() => pairs(['=x'])).toThrow('key=value')
  })

  test('lengths of time have a unit, ports a range', () => {
    expect(['500ms', '90s', '10min', '10m', '1.5h', '2d'].map(duration)).toEqual([
      500, 90_000, 600_000, 600_000, 5_400_000, 172_800_000,
    ])
    for (const wrong of ['', '5', 's', '-1s', '1y', '1 h 2']) expect(() => duration(wrong)).toThrow()
    expect([port('0'), port('65535')]).toEqual([0, 65_535])
    for (const wrong of ['', '-1', '65536', '1e3', '7 ']) expect(() => port(wrong)).toThrow()
  })

  test.each(['bash', 'zsh', 'fish'])('the %s completion names commands, subcommands and options', async (shell) => {
    const { code, out } = await cli(['completion', shell])
    expect(code).toBe(0)
    for (const word of ['edge', 'restore', 'failover', 'watch']) expect(out).toContain(word)
  })
})
